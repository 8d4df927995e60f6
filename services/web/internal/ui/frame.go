// Package ui are the pages as HTML: typed templates (templ) over views, which say all that a page shows. Templates escape every
// value; none writes raw HTML, inline script, style or handlers, which the pages' policy would not run (deploy/dev/verify.sh
// looks for them).
package ui

import (
	"net/url"
	"time"

	"github.com/naru-relay/naru/services/web/assets"
	"github.com/naru-relay/naru/services/web/locale"
)

// Scopes of what a person may do for an organisation. Pages offer nothing else.
const (
	ScopeReceive      = "documents.receive"
	ScopeSend         = "documents.send"
	ScopeLook         = "documents.read"
	ScopeApprove      = "authorisations"
	ScopeCertificates = "certificates"
)

// Frame is what stands around a page.
type Frame struct {
	Language locale.Language
	// Title never holds anything of a person: it is in the browser's history.
	Title locale.Text
	Relay string
	// Sandbox marks the page as a test.
	Sandbox bool
	// Path is where the language link leads back to.
	Path     string
	SignedIn bool
	CSRF     string
	EndsAt   time.Time
	// Acting names the organisation for which the person acts; empty: for itself.
	Acting string
	// May tells what the person may do, by scope, in the name of whoever it acts for.
	May func(scope string) bool
	// Viewer loads what shows PDF.
	Viewer bool
}

// Say is a text in the page's language.
func (f Frame) Say(t locale.Text) string { return f.Language.Say(t) }

// names are texts in the page's language.
func (f Frame) names(texts []locale.Text) []string {
	said := make([]string, len(texts))
	for i, t := range texts {
		said[i] = f.Say(t)
	}
	return said
}

func (f Frame) asset(name string) string { return assets.URL(name) }

// languageURL changes the language and leads back.
func (f Frame) languageURL() string {
	return "/language/" + f.Language.Other().Tag() + "?back=" + url.QueryEscape(f.Path)
}

// Message is a page that only says something.
type Message struct {
	Heading locale.Text
	Text    string
	Advice  string
	// Reason is the machine's word for it, for whoever asks the operator.
	Reason string
	To     string
	ToText locale.Text
}

// Wrong is an answer that has to be corrected; Field is the id of its input.
type Wrong struct {
	Field string
	Text  locale.Text
}

// Form is what was entered and what is wrong with it.
type Form struct {
	Values map[string]string
	Wrong  []Wrong
}

// Value is what was entered.
func (f Form) Value(field string) string { return f.Values[field] }

// About is what is wrong with a field; nil for nothing.
func (f Form) About(field string) *locale.Text {
	for _, w := range f.Wrong {
		if w.Field == field {
			return &w.Text
		}
	}
	return nil
}

// describedBy are the ids of what explains an input.
func (f Form) describedBy(field string, tip bool) string {
	ids := ""
	if tip {
		ids = field + "-tip"
	}
	if f.About(field) != nil {
		ids += " " + field + "-wrong"
	}
	return ids
}

package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// languageLife is how long a browser remembers the chosen language.
const languageLife = 365 * 24 * time.Hour

// start is the first page; who has signed in is led on.
func (v *visit) start() error {
	if v.session != nil {
		v.redirect(v.home())
		return nil
	}
	var done *locale.Text
	switch {
	case v.r.URL.Query().Has("ended"):
		done = &locale.SessionOver
	case v.r.URL.Query().Has("out"):
		done = &locale.SignedOut
	}
	return v.show(http.StatusOK, ui.Start(v.frame(locale.StartTitle), done))
}

func (v *visit) showTerms() error {
	return v.show(http.StatusOK, ui.TermsPage(v.frame(locale.TermsTitle), ui.TermsView{Version: v.terms.version, Paragraphs: v.terms.paragraphs[v.say]}))
}

// setLanguage remembers the language and leads back.
func (v *visit) setLanguage() error {
	tag := v.r.PathValue("tag")
	if _, ours := locale.Named(tag); !ours {
		return noSuchPage()
	}
	setCookie(v.w, languageCookie, tag, languageLife)
	v.redirect(ownPath(v.r.URL.Query().Get("back")))
	return nil
}

// ownPath is a path of these pages; anything that a browser could take for another place is the start page.
func ownPath(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\r\n\t") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawQuery: u.RawQuery}).String()
}

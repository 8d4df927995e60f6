package web

import (
	"bytes"

	"github.com/naru-relay/naru/pkg/text"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// organisationForm is a form about an organisation, with its two papers, and what is wrong in it.
type organisationForm struct {
	ui.Form
	name                   string
	business, registration []byte
}

// organisationForm reads one whole.
func (v *visit) organisationForm() (*organisationForm, error) {
	form, err := v.bring(2*paperBytes + formBytes)
	if err != nil {
		return nil, err
	}
	papers, err := form.all(paperBytes)
	if err != nil {
		return nil, err
	}
	return &organisationForm{Form: ui.Form{Values: form.values}, business: papers["business"], registration: papers["registration"]}, nil
}

func (f *organisationForm) wrong(bad bool, field string, about locale.Text) {
	if bad {
		f.Wrong = append(f.Wrong, ui.Wrong{Field: field, Text: about})
	}
}

func (f *organisationForm) checkName() {
	name, named := text.Line(f.Values["name"])
	f.name = name
	f.wrong(!named || name == "" || len([]rune(name)) > 40, "name", locale.NeedsName)
}

func (f *organisationForm) checkPapers() {
	f.wrong(!isPaper(f.business), "business", locale.NeedsPaper)
	f.wrong(!isPaper(f.registration), "registration", locale.NeedsPaper)
}

// isPaper tells a JPEG that is not too large.
func isPaper(content []byte) bool {
	return len(content) > 3 && len(content) <= paperBytes && bytes.HasPrefix(content, []byte{0xff, 0xd8, 0xff})
}

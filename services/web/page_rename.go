package web

import (
	"net/http"

	"github.com/naru-relay/naru/pkg/text"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

func (v *visit) showRename() error { return v.renameForm(http.StatusOK, ui.Form{}, requestID()) }

func (v *visit) renameForm(status int, form ui.Form, request string) error {
	return v.show(status, ui.Rename(v.frame(locale.RenameTitle), ui.RenameView{Form: form, RequestID: request}))
}

// rename enters another name of the organisation for which the visitor acts, with its two documents.
func (v *visit) rename() error {
	form, err := v.bring(2*paperBytes + formBytes)
	if err != nil {
		return err
	}
	papers, err := form.all(paperBytes)
	if err != nil {
		return err
	}
	entered := ui.Form{Values: form.values}
	wrong := func(bad bool, field string, about locale.Text) {
		if bad {
			entered.Wrong = append(entered.Wrong, ui.Wrong{Field: field, Text: about})
		}
	}
	name, named := text.Line(form.values["name"])
	wrong(!named || name == "" || len([]rune(name)) > 40, "name", locale.NeedsName)
	wrong(!isPaper(papers["business"]), "business", locale.NeedsPaper)
	wrong(!isPaper(papers["registration"]), "registration", locale.NeedsPaper)
	if len(entered.Wrong) > 0 {
		return v.renameForm(http.StatusUnprocessableEntity, entered, form.values["request_id"])
	}
	if _, err := v.relay.organisations.ChangeOrganisation(v.as(), &addressv1.ChangeOrganisationRequest{
		RequestId: form.values["request_id"], Name: name, BusinessDocument: papers["business"], RegistrationDocument: papers["registration"],
	}); err != nil {
		return err
	}
	v.redirect("/membership?done=renamed")
	return nil
}

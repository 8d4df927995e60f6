package web

import (
	"net/http"

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
	form, err := v.organisationForm()
	if err != nil {
		return err
	}
	form.checkName()
	form.checkPapers()
	if len(form.Wrong) > 0 {
		return v.renameForm(http.StatusUnprocessableEntity, form.Form, form.Values["request_id"])
	}
	if _, err := v.relay.organisations.ChangeOrganisation(v.as(), &addressv1.ChangeOrganisationRequest{
		RequestId: form.Values["request_id"], Name: form.name, BusinessDocument: form.business, RegistrationDocument: form.registration,
	}); err != nil {
		return err
	}
	v.redirect("/membership?done=renamed")
	return nil
}

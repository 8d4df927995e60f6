package web

import (
	"net/http"
	"unicode/utf8"

	"github.com/naru-relay/naru/pkg/fault"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

// invitationPath is the address to which invitations lead, with the code in the fragment, which no browser sends.
const invitationPath = "/invitation"

func (v *visit) showInvitation() error { return v.invitationForm(http.StatusOK, ui.InvitationView{}) }

func (v *visit) invitationForm(status int, view ui.InvitationView) error {
	return v.show(status, ui.InvitationForm(v.frame(locale.InvitationTitle), view))
}

// findInvitation confirms an invitation that this relay has sent, and warns of every other.
func (v *visit) findInvitation() error {
	code := v.form("code")
	if code == "" {
		return v.invitationForm(http.StatusUnprocessableEntity, ui.InvitationView{Form: ui.Form{Wrong: []ui.Wrong{{Field: "code", Text: locale.InvitationNeeds}}}})
	}
	if !codeLike(code) {
		return v.unknownInvitation(code)
	}
	found, err := v.relay.invitations.GetInvitation(v.r.Context(), &deliveryv1.GetInvitationRequest{Code: code})
	if fault.ReasonOf(err) == fault.NameOf(deliveryv1.Reason_REASON_INVITATION_NOT_FOUND) {
		return v.unknownInvitation(code)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, ui.Invitation(v.frame(locale.InvitationTitle), ui.InvitedView{
		Code: code, Relay: found.GetRelay(), Sender: found.GetSender(), State: invitationState(found.GetState()),
		InvitedAt: timeOf(found.GetInvitedAt()), OpenUntil: timeOf(found.GetOpenUntil()),
	}))
}

// unknownInvitation is the same for every code that is none, however near it was.
func (v *visit) unknownInvitation(code string) error {
	return v.invitationForm(http.StatusNotFound, ui.InvitationView{Form: ui.Form{Values: map[string]string{"code": code}}, Unknown: true})
}

// codeLike tells whether a text can be a code at all; the rest is for whoever keeps the codes to say.
func codeLike(code string) bool {
	length := utf8.RuneCountInString(code)
	return utf8.ValidString(code) && length >= 8 && length <= 40
}

// refuseInvitation refuses invitations of the sender, or of all. Repeating it changes nothing, so a reload does no harm.
func (v *visit) refuseInvitation() error {
	code, all := v.form("code"), v.form("all")
	if all != "yes" && all != "no" {
		return invalidForm("all is yes or no")
	}
	if !codeLike(code) {
		return v.unknownInvitation(code)
	}
	_, err := v.relay.invitations.RefuseInvitation(v.r.Context(), &deliveryv1.RefuseInvitationRequest{Code: code, All: all == "yes"})
	if fault.ReasonOf(err) == fault.NameOf(deliveryv1.Reason_REASON_INVITATION_NOT_FOUND) {
		return v.unknownInvitation(code)
	}
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, ui.InvitationRefused(v.frame(locale.InvitationRefusedTitle), all == "yes"))
}

func invitationState(state deliveryv1.InvitationState) locale.Text {
	switch state {
	case deliveryv1.InvitationState_INVITATION_STATE_OPEN:
		return locale.InvitationOpen
	case deliveryv1.InvitationState_INVITATION_STATE_REFUSED:
		return locale.InvitationRefused
	case deliveryv1.InvitationState_INVITATION_STATE_ENDED:
		return locale.InvitationEnded
	default:
		return locale.StateUnknown
	}
}

package web

import (
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

func (v *visit) showJoin() error {
	return v.show(http.StatusOK, ui.Join(v.frame(locale.JoinTitle), ui.JoinView{TermsVersion: v.terms.version}))
}

// join makes the person a member who has agreed to everything that is wanted, and to the terms that were shown.
func (v *visit) join() error {
	form := ui.Form{Values: map[string]string{}}
	for _, wanted := range []ui.Wrong{{Field: "terms", Text: locale.NeedsTerms}, {Field: "consent", Text: locale.NeedsConsent}, {Field: "designate", Text: locale.NeedsDesignate}} {
		form.Values[wanted.Field] = v.form(wanted.Field)
		othersShown := wanted.Field == "terms" && v.form("terms_version") != v.terms.version
		if v.form(wanted.Field) != "yes" || othersShown {
			form.Values[wanted.Field] = ""
			form.Wrong = append(form.Wrong, wanted)
		}
	}
	if len(form.Wrong) > 0 {
		return v.show(http.StatusUnprocessableEntity, ui.Join(v.frame(locale.JoinTitle), ui.JoinView{Form: form, TermsVersion: v.terms.version}))
	}
	if _, err := v.relay.membership.Join(v.as(), &addressv1.JoinRequest{TermsVersion: v.terms.version, Consent: true, DesignateInbox: true}); err != nil {
		return err
	}
	v.redirect("/membership?done=joined")
	return nil
}

// doneTexts confirm what was done before the page was asked for.
func doneText(what string) *locale.Text {
	texts := map[string]*locale.Text{
		"joined": &locale.JoinedText, "consent": &locale.ConsentDone, "refusal": &locale.RefusalDone, "name": &locale.NameTold, "renamed": &locale.RenameDone, "withdrawn": &locale.WithdrawDone,
		"approved": &locale.ApprovedDone, "revoked": &locale.ApprovalEnded,
		"person": &locale.PersonDone, "applied": &locale.ApplyDone, "sent": &locale.SentDone, "cancel": &locale.CancelAsked, "uploaded": &locale.UploadDone,
		"files": &locale.ManyFilesDone, "sheet": &locale.ManySheetDone, "discarded": &locale.ManyDropped,
	}
	return texts[what]
}

func (v *visit) showMembership() error { return v.membership(http.StatusOK, ui.Form{}) }

func (v *visit) membership(status int, form ui.Form) error {
	view := ui.MembershipView{Form: form, Organisation: v.session.Organisation != nil, Done: doneText(v.r.URL.Query().Get("done"))}
	answer, err := v.relay.membership.GetMembership(v.as(), &addressv1.GetMembershipRequest{})
	switch m := answer.GetMembership(); {
	case fault.ReasonOf(err) == fault.NameOf(addressv1.Reason_REASON_NOT_A_MEMBER):
	case err != nil:
		return err
	default:
		view.Member = m.GetState() != addressv1.MemberState_MEMBER_STATE_WITHDRAWN
		view.Address, view.State, view.TermsVersion = m.GetAddress(), memberState(m.GetState()), m.GetTermsVersion()
		view.JoinedAt, view.ConsentedAt, view.Consent = timeOf(m.GetJoinedAt()), timeOf(m.GetConsentedAt()), m.GetTermsVersion() != ""
		view.AddressRefused = m.GetAddressState() == addressv1.AddressState_ADDRESS_STATE_REFUSED && m.GetAskedAgainAt() == nil
		view.NewName = m.GetNameChange().GetName()
		view.NameWaits = m.GetNameChange().GetState() == addressv1.NameChangeState_NAME_CHANGE_STATE_ASKED
		view.NameRefused = m.GetNameChange().GetState() == addressv1.NameChangeState_NAME_CHANGE_STATE_REFUSED
	}
	return v.show(status, ui.Membership(v.frame(locale.MembershipTitle), view))
}

func memberState(state addressv1.MemberState) locale.Text {
	switch state {
	case addressv1.MemberState_MEMBER_STATE_REGISTERING:
		return locale.MemberRegistering
	case addressv1.MemberState_MEMBER_STATE_ACTIVE:
		return locale.MemberActive
	case addressv1.MemberState_MEMBER_STATE_WITHDRAWN:
		return locale.MemberWithdrawn
	default:
		return locale.StateUnknown
	}
}

func (v *visit) setConsent() error {
	request := &addressv1.SetConsentRequest{Consent: v.form("consent") == "yes"}
	if request.GetConsent() {
		request.TermsVersion = v.terms.version
	}
	if _, err := v.relay.membership.SetConsent(v.as(), request); err != nil {
		return err
	}
	v.redirect("/membership?done=consent")
	return nil
}

// tellName has the hub told again of the caller's name.
func (v *visit) tellName() error {
	if _, err := v.relay.membership.TellNameAgain(v.as(), &addressv1.TellNameAgainRequest{}); err != nil {
		return err
	}
	v.redirect("/membership?done=name")
	return nil
}

// setRefusal refuses, or accepts again, the documents of one sender or of all.
func (v *visit) setRefusal() error {
	request := &addressv1.SetRefusalRequest{Refused: v.form("refused") == "yes"}
	if v.form("all") != "yes" {
		sender, err := uuid.Parse(v.form("sender"))
		if err != nil {
			return v.membership(http.StatusUnprocessableEntity, ui.Form{
				Values: map[string]string{"sender": v.form("sender")}, Wrong: []ui.Wrong{{Field: "sender", Text: locale.SenderID}},
			})
		}
		request.Sender = sender.String()
	}
	if _, err := v.relay.membership.SetRefusal(v.as(), request); err != nil {
		return err
	}
	v.redirect("/membership?done=refusal")
	return nil
}

func (v *visit) showWithdraw() error {
	return v.show(http.StatusOK, ui.Withdraw(v.frame(locale.WithdrawTitle), ui.Form{}))
}

func (v *visit) withdraw() error {
	if v.form("agree") != "yes" {
		return v.show(http.StatusUnprocessableEntity, ui.Withdraw(v.frame(locale.WithdrawTitle), ui.Form{Wrong: []ui.Wrong{{Field: "agree", Text: locale.WithdrawAgree}}}))
	}
	if _, err := v.relay.membership.Withdraw(v.as(), &addressv1.WithdrawRequest{}); err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	v.redirect("/membership?done=withdrawn")
	return nil
}

package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	"github.com/naru-relay/naru/services/web/internal/ui"
	"github.com/naru-relay/naru/services/web/locale"
)

const (
	// approvalsPage is how many requests stand on a page.
	approvalsPage = 20
	// approvalItems is how many documents of a request stand on a page; there are up to 1,000, and a page has to stay small.
	approvalItems = 100
)

// showApprovals lists what agents ask for: what waits for an answer, or all.
func (v *visit) showApprovals() error {
	query := v.r.URL.Query()
	view := ui.ApprovalsView{All: query.Get("all") == "1"}
	answer, err := v.relay.approvals.ListAuthorisations(v.as(), &intakev1.ListAuthorisationsRequest{
		PageSize: approvalsPage, PageToken: query.Get("page"), Waiting: !view.All,
	})
	if err != nil {
		return err
	}
	for _, a := range answer.GetAuthorisations() {
		view.Items = append(view.Items, approvalView(a))
	}
	if next := answer.GetNextPageToken(); next != "" {
		following := url.Values{"page": {next}}
		if view.All {
			following.Set("all", "1")
		}
		view.Next = "/approvals?" + following.Encode()
	}
	return v.show(http.StatusOK, ui.Approvals(v.frame(locale.ApprovalsTitle), view))
}

func approvalView(a *intakev1.Authorisation) ui.ApprovalView {
	return ui.ApprovalView{
		ID: a.GetId(), Agent: a.GetAgentName(), Certificates: ofCertificates(a), State: approvalState(a.GetState()), Count: a.GetItems(), Digest: a.GetDigest(),
		AskedAt: timeOf(a.GetAskedAt()), ExpiresAt: timeOf(a.GetExpiresAt()), DecidedAt: timeOf(a.GetDecidedAt()),
		Waiting: a.GetState() == intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING, Given: a.GetState() == intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN,
	}
}

// ofCertificates reports whether an agent wants to obtain certificates, not to send.
func ofCertificates(a *intakev1.Authorisation) bool {
	return a.GetPurpose() == intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES
}

func approvalState(state intakev1.AuthorisationState) locale.Text {
	switch state {
	case intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING:
		return locale.ApprovalWaits
	case intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN:
		return locale.ApprovalGiven
	case intakev1.AuthorisationState_AUTHORISATION_STATE_DECLINED:
		return locale.ApprovalDeclined
	case intakev1.AuthorisationState_AUTHORISATION_STATE_REVOKED:
		return locale.ApprovalRevoked
	case intakev1.AuthorisationState_AUTHORISATION_STATE_EXPIRED:
		return locale.ApprovalExpired
	default:
		return locale.StateUnknown
	}
}

// showApproval shows what an agent wants to send, or to obtain. It can be approved where all of it has been shown: on the last
// page.
func (v *visit) showApproval() error {
	id, err := v.approvalID()
	if err != nil {
		return err
	}
	answer, err := v.relay.approvals.GetAuthorisation(v.as(), &intakev1.GetAuthorisationRequest{Id: id})
	if err != nil {
		return err
	}
	a := answer.GetAuthorisation()
	shown := a.GetShown()
	view := ui.ApprovalPageView{
		ApprovalView: approvalView(a), Shown: len(shown) > 0, Path: "/approvals/" + id,
	}
	// An address with it may be anybody's: it confirms only what is so.
	if done := v.r.URL.Query().Get("done"); done == "approved" && view.Given || done == "revoked" && !view.Given && !view.Waiting {
		view.Done = doneText(done)
	}
	pages := max(1, (len(shown)+approvalItems-1)/approvalItems)
	page := pageOf(v.r.URL.Query().Get("items"), pages)
	first, last := (page-1)*approvalItems, min(page*approvalItems, len(shown))
	for _, item := range shown[first:last] {
		if view.Certificates {
			view.Items = append(view.Items, ui.ApprovalItemView{Title: item.GetEdocNum(), Reason: item.GetReason()})
			continue
		}
		view.Items = append(view.Items, ui.ApprovalItemView{Title: item.GetTitle(), To: item.GetRecipient(), Hash: item.GetDocumentHash()})
	}
	if pages > 1 {
		view.Part = locale.ApprovalPart(first+1, last, len(shown))
	}
	if page > 1 {
		view.Before = view.Path + "?items=" + strconv.Itoa(page-1)
	}
	if page < pages {
		view.After = view.Path + "?items=" + strconv.Itoa(page+1)
	}
	// Nobody approves what this page could not show.
	view.Approvable = view.Waiting && page == pages && len(shown) == int(a.GetItems())
	return v.show(http.StatusOK, ui.Approval(v.frame(locale.ApprovalTitle), view))
}

// pageOf is the number of a page, 1 for everything that is none.
func pageOf(text string, pages int) int {
	page, err := strconv.Atoi(text)
	if err != nil || page < 1 || page > pages {
		return 1
	}
	return page
}

// approve gives the agent what it asks for, as the page showed it: its digest comes from there, so nothing else is approved.
func (v *visit) approve() error {
	id, err := v.approvalID()
	if err != nil {
		return err
	}
	if _, err := v.relay.approvals.ApproveAuthorisation(v.as(), &intakev1.ApproveAuthorisationRequest{Id: id, Digest: v.form("digest")}); err != nil {
		return err
	}
	v.redirect("/approvals/" + id + "?done=approved")
	return nil
}

// revoke declines what waits, and takes back what was given.
func (v *visit) revoke() error {
	id, err := v.approvalID()
	if err != nil {
		return err
	}
	if _, err := v.relay.approvals.RevokeAuthorisation(v.as(), &intakev1.RevokeAuthorisationRequest{Id: id}); err != nil {
		return err
	}
	v.redirect("/approvals/" + id + "?done=revoked")
	return nil
}

// approvalID is the id in the address. One that can be none is answered as one that is not there. Whatever goes wrong with it
// leads back to the list.
func (v *visit) approvalID() (string, error) {
	v.belongsTo("/approvals", locale.ApprovalsTitle, ui.ScopeApprove)
	id, err := uuid.Parse(v.r.PathValue("id"))
	if err != nil {
		return "", fault.New(fault.NotFound, domain, intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "the address names no authorisation", fault.Wrap(err))
	}
	return id.String(), nil
}

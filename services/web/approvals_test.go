package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	asked     = "0193c3a0-0000-7000-8000-00000000000a"
	askedMany = "0193c3a0-0000-7000-8000-00000000000b"
	askedCert = "0193c3a0-0000-7000-8000-00000000000d"
	foreign   = "0193c3a0-0000-7000-8000-00000000000c"
	agentName = "시험용 송신대행"
	recipient = "시험이름나루 19900131 010****8888"
)

// digestOf is the digest of a fake's request.
func digestOf(id string) string { return strings.Repeat("0123456789abcde"+id[len(id)-1:], 4) }

// fakeApprovals keeps requests by id, and refuses as intake does.
type fakeApprovals struct {
	intakev1.UnimplementedAuthorisationServiceServer
	mu      sync.Mutex
	known   map[string]*intakev1.Authorisation
	callers []string
	lists   []*intakev1.ListAuthorisationsRequest
	// refuses answers every decision.
	refuses error
}

func newApprovals() *fakeApprovals {
	f := &fakeApprovals{known: map[string]*intakev1.Authorisation{}}
	for id, items := range map[string]int{asked: 2, askedMany: 250} {
		a := &intakev1.Authorisation{
			Id: id, State: intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING, AgentName: agentName, Digest: digestOf(id), Items: int32(items), //nolint:gosec // few
			AskedAt: timestamppb.Now(), ExpiresAt: timestamppb.New(time.Date(2026, 12, 7, 1, 0, 0, 0, time.UTC)),
		}
		for i := range items {
			a.Shown = append(a.Shown, &intakev1.ShownItem{Title: fmt.Sprintf("%s %d.", plantedTitle, i+1), Recipient: recipient, DocumentHash: strings.Repeat("f00d", 16)})
		}
		f.known[id] = a
	}
	f.known[askedCert] = &intakev1.Authorisation{
		Id: askedCert, State: intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING, AgentName: agentName, Digest: digestOf(askedCert), Items: 1,
		AskedAt: timestamppb.Now(), ExpiresAt: timestamppb.New(time.Date(2026, 12, 7, 1, 0, 0, 0, time.UTC)),
		Purpose: intakev1.AuthorisationPurpose_AUTHORISATION_PURPOSE_CERTIFICATES,
		Shown:   []*intakev1.ShownItem{{EdocNum: "20260302_NARU000001_0000000000042", Reason: "<법원> 제출"}},
	}
	return f
}

func (f *fakeApprovals) find(ctx context.Context, id string) (*intakev1.Authorisation, error) {
	p, _ := authn.FromContext(ctx)
	f.callers = append(f.callers, p.ID)
	if f.known[id] == nil {
		return nil, fault.New(fault.NotFound, "intake", intakev1.Reason_REASON_AUTHORISATION_NOT_FOUND, "none")
	}
	return f.known[id], nil
}

func (f *fakeApprovals) ListAuthorisations(_ context.Context, r *intakev1.ListAuthorisationsRequest) (*intakev1.ListAuthorisationsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lists = append(f.lists, r)
	answer := &intakev1.ListAuthorisationsResponse{NextPageToken: nextOf(r.GetPageToken())}
	for _, a := range f.known {
		if !r.GetWaiting() || a.GetState() == intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING {
			answer.Authorisations = append(answer.Authorisations, a)
		}
	}
	return answer, nil
}

func (f *fakeApprovals) GetAuthorisation(ctx context.Context, r *intakev1.GetAuthorisationRequest) (*intakev1.GetAuthorisationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, err := f.find(ctx, r.GetId())
	return &intakev1.GetAuthorisationResponse{Authorisation: a}, err
}

func (f *fakeApprovals) ApproveAuthorisation(ctx context.Context, r *intakev1.ApproveAuthorisationRequest) (*intakev1.ApproveAuthorisationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, err := f.find(ctx, r.GetId())
	switch {
	case err != nil:
		return nil, err
	case f.refuses != nil:
		return nil, f.refuses
	case r.GetDigest() != a.GetDigest():
		return nil, fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_DIGEST_DIFFERS, "something else")
	case a.GetState() != intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING:
		return nil, fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_AUTHORISATION_DECIDED, "decided")
	}
	a.State = intakev1.AuthorisationState_AUTHORISATION_STATE_GIVEN
	return &intakev1.ApproveAuthorisationResponse{Authorisation: a}, nil
}

func (f *fakeApprovals) RevokeAuthorisation(ctx context.Context, r *intakev1.RevokeAuthorisationRequest) (*intakev1.RevokeAuthorisationResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, err := f.find(ctx, r.GetId())
	if err != nil {
		return nil, err
	}
	if f.refuses != nil {
		return nil, f.refuses
	}
	was := a.GetState()
	a.State = intakev1.AuthorisationState_AUTHORISATION_STATE_REVOKED
	if was == intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING {
		a.State = intakev1.AuthorisationState_AUTHORISATION_STATE_DECLINED
	}
	return &intakev1.RevokeAuthorisationResponse{Authorisation: a}, nil
}

// A member sees what an agent wants to send, approves it, and takes it back.
func TestApproval(t *testing.T) {
	t.Parallel()
	w := setup(t)
	person := unittest.NewID()
	b := w.signedIn(t, person)
	list := b.get("/approvals")
	require.Contains(t, list.body, `href="/approvals/`+asked+`"`)
	require.Contains(t, list.body, `href="/approvals?page=next%2Bpage"`)
	require.Contains(t, b.get("/approvals?all=1").body, `href="/approvals?all=1&amp;page=next%2Bpage"`)
	require.NotContains(t, b.get("/approvals?all=1&page=next%2Bpage").body, "page=next", "the last page")
	require.True(t, w.approvals.lists[0].GetWaiting())
	require.False(t, w.approvals.lists[1].GetWaiting())
	require.Equal(t, secondPage, w.approvals.lists[2].GetPageToken())
	require.Contains(t, b.get("/inbox").body, `href="/approvals"`)

	at := "/approvals/" + asked
	page := b.get(at)
	require.Equal(t, http.StatusOK, page.status, page.body)
	for _, text := range []string{
		agentName, plantedTitle + " 1.", plantedTitle + " 2.", recipient, "f00d f00d", "0123 4567 89ab cdea", "2026년 12월 7일 10:00", `name="digest" value="` + digestOf(asked) + `"`,
	} {
		require.Contains(t, page.body, text)
	}
	require.NotContains(t, b.get(at+"?done=approved").body, `class="done"`, "an address confirms nothing that is not so")

	approved := b.post(at+"/approve", url.Values{"digest": {digestOf(asked)}})
	require.Equal(t, at+"?done=approved", approved.header.Get("Location"), approved.body)
	given := b.get(at + "?done=approved")
	require.Contains(t, given.body, `class="done"`)
	require.NotContains(t, given.body, at+"/approve")
	require.Contains(t, given.body, "승인 거두기")
	require.Equal(t, at+"?done=revoked", b.post(at+"/revoke", url.Values{}).header.Get("Location"))
	ended := b.get(at + "?done=revoked")
	require.Contains(t, ended.body, "거두어짐")
	require.NotContains(t, ended.body, at+"/revoke")
	again := b.post(at+"/approve", url.Values{"digest": {digestOf(asked)}})
	require.Equal(t, http.StatusConflict, again.status)
	require.Contains(t, again.body, "이미 끝난 요청입니다")
	for _, caller := range w.approvals.callers {
		require.Equal(t, person, caller)
	}
	for _, secret := range []string{plantedTitle, recipient, agentName} {
		require.NotContains(t, w.Logs.String(), secret)
	}
}

// A member sees of which documents an agent wants certificates, and why, and approves that.
func TestApprovalOfCertificates(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	require.Contains(t, b.get("/approvals").body, "증명서 발급받기")
	at := "/approvals/" + askedCert
	page := b.get(at)
	for _, text := range []string{
		agentName, "20260302_NARU000001_0000000000042", "&lt;법원&gt; 제출", "증명서를 발급받으려는 문서", "전자증명서에는 문서가 들어 있습니다", `value="` + digestOf(askedCert) + `"`,
	} {
		require.Contains(t, page.body, text)
	}
	for _, text := range []string{"내 이름으로 보낼 수 있습니다", "받는 사람", "보내려는 문서"} {
		require.NotContains(t, page.body, text)
	}
	require.Contains(t, b.get(at, "Accept-Language", "en").body, "Documents whose certificates are wanted")
	require.Equal(t, at+"?done=approved", b.post(at+"/approve", url.Values{"digest": {digestOf(askedCert)}}).header.Get("Location"))
	require.Contains(t, b.get(at).body, "더 발급받거나 내려받을 수 없습니다")
}

// What was not shown is not approved, and what does not concern the member is not there.
func TestApprovalRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	at := "/approvals/" + asked
	stale := b.post(at+"/approve", url.Values{"digest": {digestOf(askedMany)}})
	require.Equal(t, http.StatusConflict, stale.status)
	require.Contains(t, stale.body, "승인하지 않았습니다")
	require.Contains(t, stale.body, `class="button" href="/approvals"`)
	for _, id := range []string{foreign, "1", "x%2F..%2Fsent"} {
		require.Equal(t, http.StatusNotFound, b.get("/approvals/"+id).status, id)
		require.Equal(t, http.StatusNotFound, b.post("/approvals/"+id+"/approve", url.Values{"digest": {digestOf(asked)}}).status)
		require.Equal(t, http.StatusNotFound, b.post("/approvals/"+id+"/revoke", url.Values{}).status)
	}
	for _, form := range []url.Values{{"digest": {digestOf(asked)}, "csrf": {""}}, {"digest": {digestOf(asked)}, "csrf": {"guess"}}} {
		require.Equal(t, http.StatusForbidden, b.post(at+"/approve", form).status)
		require.Equal(t, http.StatusForbidden, b.post(at+"/revoke", form).status)
	}
	require.Equal(t, http.StatusForbidden, b.post(at+"/approve", url.Values{"digest": {digestOf(asked)}}, "Sec-Fetch-Site", "cross-site").status)
	stranger := w.browser(t)
	require.Equal(t, "/?ended=1", stranger.get(at).header.Get("Location"))
	require.Equal(t, http.StatusForbidden, stranger.open(at+"/approve", url.Values{"digest": {digestOf(asked)}}).status)
	require.Equal(t, intakev1.AuthorisationState_AUTHORISATION_STATE_WAITING, w.approvals.known[asked].GetState())

	w.approvals.mu.Lock()
	w.approvals.refuses = fault.New(fault.Conflict, "intake", intakev1.Reason_REASON_SENDER_ADDRESS_NOT_REGISTERED, "not yet")
	w.approvals.mu.Unlock()
	require.Contains(t, b.post(at+"/approve", url.Values{"digest": {digestOf(asked)}}, "Accept-Language", "en").body, "Your address is not registered yet.")
}

// A long request is shown in parts. It can be declined everywhere, and approved where the last of it stands; one that cannot be
// shown, nowhere.
func TestLongApproval(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	at := "/approvals/" + askedMany
	first := b.get(at)
	require.Contains(t, first.body, plantedTitle+" 100.")
	require.NotContains(t, first.body, plantedTitle+" 101.")
	require.Contains(t, first.body, at+"?items=2")
	require.Contains(t, first.body, at+"/revoke")
	require.NotContains(t, first.body, at+"/approve")
	last := b.get(at + "?items=3")
	require.Contains(t, last.body, plantedTitle+" 250.")
	require.Contains(t, last.body, at+"/approve")
	for _, beyond := range []string{"0", "4", "-1", "x", "9223372036854775807"} {
		require.Contains(t, b.get(at+"?items="+beyond).body, plantedTitle+" 1.")
	}

	w.approvals.mu.Lock()
	w.approvals.known[askedMany].Shown = nil
	w.approvals.mu.Unlock()
	gone := b.get(at)
	require.Contains(t, gone.body, "보여 드릴 수 없습니다")
	require.NotContains(t, gone.body, at+"/approve")
}

// For an organisation decides who has the right to; others are told so.
func TestApprovalOfOrganisation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.signedIn(t, unittest.NewID())
	at := "/approvals/" + asked
	require.Equal(t, http.StatusSeeOther, b.post("/organisations/act", url.Values{"organisation": {organisation}}).status)
	require.Contains(t, b.get(at).body, at+"/approve")
	require.Equal(t, []string{organisation}, w.approvals.callers)
	w.approvals.mu.Lock()
	w.approvals.refuses = fault.New(fault.Denied, "intake", intakev1.Reason_REASON_NOT_AUTHORISED, "no representative")
	w.approvals.mu.Unlock()
	refused := b.post(at+"/approve", url.Values{"digest": {digestOf(asked)}})
	require.Equal(t, http.StatusForbidden, refused.status)
	require.Contains(t, refused.body, "NOT_AUTHORISED")

	w.address.mu.Lock()
	w.address.scopes = []string{"documents.send"}
	w.address.mu.Unlock()
	other := w.signedIn(t, unittest.NewID())
	require.Equal(t, http.StatusSeeOther, other.post("/organisations/act", url.Values{"organisation": {organisation}}).status)
	without := other.get(at)
	require.Equal(t, http.StatusForbidden, without.status)
	require.Contains(t, without.body, "SCOPE_MISSING")
	require.NotContains(t, without.body, `href="/approvals"`)
}

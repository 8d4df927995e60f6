package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/web"
)

const (
	plantedCode   = "PLNT-K3YZ-8W2Q-NARU"
	plantedSender = "시험용 안내기관"
)

// fakeInvitations knows one code.
type fakeInvitations struct {
	deliveryv1.UnimplementedInvitationServiceServer
	mu      sync.Mutex
	asked   int
	token   bool
	refused []*deliveryv1.RefuseInvitationRequest
}

func (f *fakeInvitations) find(ctx context.Context, code string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	carried, _ := metadata.FromIncomingContext(ctx)
	f.token = f.token || len(carried.Get("authorization")) > 0
	if code != plantedCode {
		return fault.New(fault.NotFound, "delivery", deliveryv1.Reason_REASON_INVITATION_NOT_FOUND, "none")
	}
	return nil
}

func (f *fakeInvitations) GetInvitation(ctx context.Context, r *deliveryv1.GetInvitationRequest) (*deliveryv1.GetInvitationResponse, error) {
	if err := f.find(ctx, r.GetCode()); err != nil {
		return nil, err
	}
	return &deliveryv1.GetInvitationResponse{
		Relay: "나루", Sender: plantedSender + "<b>", InvitedAt: timestamppb.New(time.Date(2026, 11, 30, 1, 0, 0, 0, time.UTC)),
		OpenUntil: timestamppb.New(time.Date(2026, 12, 7, 1, 0, 0, 0, time.UTC)), State: deliveryv1.InvitationState_INVITATION_STATE_OPEN,
	}, nil
}

func (f *fakeInvitations) RefuseInvitation(ctx context.Context, r *deliveryv1.RefuseInvitationRequest) (*deliveryv1.RefuseInvitationResponse, error) {
	if err := f.find(ctx, r.GetCode()); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, r)
	return &deliveryv1.RefuseInvitationResponse{}, nil
}

// open sends a form of a stranger's, which has no token.
func (b *browser) open(path string, form url.Values, headers ...string) answered {
	b.t.Helper()
	return b.do(http.MethodPost, path, strings.NewReader(form.Encode()), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)...)
}

// A stranger learns that this relay sent the invitation, for whom and until when, and refuses. The code stands in no address
// and no log.
func TestInvitation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.browser(t)
	form := b.get("/invitation")
	require.Equal(t, http.StatusOK, form.status)
	require.Contains(t, form.body, `data-fragment="code"`)
	require.Zero(t, w.invitations.asked, "opening the page does nothing")

	found := b.open("/invitation", url.Values{"code": {" " + plantedCode + " "}})
	require.Equal(t, http.StatusOK, found.status, found.body)
	require.Contains(t, found.body, plantedSender+"&lt;b&gt;")
	require.Contains(t, found.body, "2026년 11월 30일 10:00")
	require.Contains(t, found.body, "2026년 12월 7일 10:00")
	require.Contains(t, found.body, `href="/signin"`)
	require.Contains(t, found.body, `action="/invitation/refuse"`)
	require.Contains(t, found.body, "/language/en?back=%2Finvitation\"")
	require.Equal(t, "no-store", found.header.Get("Cache-Control"))
	require.Contains(t, b.open("/invitation", url.Values{"code": {plantedCode}}, "Accept-Language", "en").body, "This service has sent this invitation.")

	one := b.open("/invitation/refuse", url.Values{"code": {plantedCode}, "all": {"no"}})
	require.Equal(t, http.StatusOK, one.status, one.body)
	require.Contains(t, one.body, "거부를 기록했습니다")
	require.Equal(t, http.StatusOK, b.open("/invitation/refuse", url.Values{"code": {plantedCode}, "all": {"yes"}}).status)
	require.Len(t, w.invitations.refused, 2)
	require.False(t, w.invitations.refused[0].GetAll())
	require.True(t, w.invitations.refused[1].GetAll())
	require.Equal(t, http.StatusBadRequest, b.open("/invitation/refuse", url.Values{"code": {plantedCode}}).status, "nobody refuses more than they chose")
	require.Len(t, w.invitations.refused, 2)

	known := w.signedIn(t, unittest.NewID())
	require.Contains(t, known.open("/invitation", url.Values{"code": {plantedCode}}).body, `class="button" href="/join"`)
	require.False(t, w.invitations.token, "who asks is told to nobody")
	for _, secret := range []string{plantedCode, plantedSender} {
		require.NotContains(t, w.Logs.String(), secret)
	}
}

// Every code that is none gets the same warning, and what cannot be a code is not asked about.
func TestUnknownInvitation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.browser(t)
	require.Equal(t, http.StatusUnprocessableEntity, b.open("/invitation", url.Values{}).status)
	for _, code := range []string{"short", strings.Repeat("A", 41), "\xff\xff\xff\xff\xff\xff\xff\xff", "<script>alert(1)</script>"} {
		page := b.open("/invitation", url.Values{"code": {code}})
		require.Equal(t, http.StatusNotFound, page.status)
		require.Contains(t, page.body, "사칭")
		require.NotContains(t, page.body, "<script>alert")
		require.Equal(t, http.StatusNotFound, b.open("/invitation/refuse", url.Values{"code": {code}, "all": {"yes"}}).status)
	}
	require.Equal(t, 2, w.invitations.asked, "of the one that could be a code")
	require.Empty(t, w.invitations.refused)
	require.NotContains(t, b.open("/invitation", url.Values{"code": {"PLNT-K3YZ-8W2Q-NARX"}}).body, plantedSender)
}

// Another site can neither look nor refuse through somebody's browser.
func TestInvitationElsewhere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.browser(t)
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://elsewhere.example"}} {
		require.Equal(t, http.StatusForbidden, b.open("/invitation", url.Values{"code": {plantedCode}}, header...).status)
		require.Equal(t, http.StatusForbidden, b.open("/invitation/refuse", url.Values{"code": {plantedCode}, "all": {"yes"}}, header...).status)
	}
	require.Zero(t, w.invitations.asked)
	require.Equal(t, http.StatusNotFound, b.get("/invitation/refuse").status)
}

// Guesses are bounded strictly, and keep nobody from signing in.
func TestInvitationGuesses(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *web.Config) { c.Rate.SignInsBurst, c.Rate.SignInsPerSecond = 3, 1e-6 })
	b := w.browser(t)
	require.Equal(t, http.StatusNotFound, b.open("/invitation", url.Values{"code": {"GUESS-00001"}}).status)
	require.Equal(t, http.StatusNotFound, b.open("/invitation", url.Values{"code": {"GUESS-00002"}}).status)
	require.Equal(t, http.StatusNotFound, b.open("/invitation/refuse", url.Values{"code": {"GUESS-00003"}, "all": {"yes"}}).status)
	require.Equal(t, http.StatusTooManyRequests, b.open("/invitation", url.Values{"code": {plantedCode}}).status)
	require.Equal(t, http.StatusTooManyRequests, b.open("/invitation/refuse", url.Values{"code": {plantedCode}, "all": {"yes"}}).status)
	require.Equal(t, 3, w.invitations.asked)
	require.Equal(t, http.StatusSeeOther, b.get("/signin").status)
}

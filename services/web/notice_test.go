package web_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// fakeNotices knows one notice.
type fakeNotices struct {
	deliveryv1.UnimplementedNoticeServiceServer
}

func (fakeNotices) ConfirmNotice(ctx context.Context, r *deliveryv1.ConfirmNoticeRequest) (*deliveryv1.ConfirmNoticeResponse, error) {
	if _, known := authn.FromContext(ctx); known || r.GetEdocNum() != there || r.GetCode() != plantedCode {
		return nil, fault.New(fault.NotFound, "delivery", deliveryv1.Reason_REASON_NOTICE_NOT_FOUND, "none")
	}
	return &deliveryv1.ConfirmNoticeResponse{Sender: plantedSender + "<b>", ReceivedAt: timestamppb.Now()}, nil
}

// Anybody learns whether this relay gave a notice, of which sender; who has signed in is led to the document. Every other code
// gets the same warning, and neither code nor sender stands in a log.
func TestNotice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	b := w.browser(t)
	form := b.get("/notice")
	require.Contains(t, form.body, `data-fragment="number"`)
	require.Contains(t, form.body, `data-fragment="code"`)
	found := b.open("/notice", url.Values{"number": {there}, "code": {plantedCode}})
	require.Equal(t, http.StatusOK, found.status, found.body)
	require.Contains(t, found.body, plantedSender+"&lt;b&gt;")
	require.Contains(t, found.body, `href="/signin"`)
	require.Equal(t, "no-store", found.header.Get("Cache-Control"))
	known := w.signedIn(t, unittest.NewID()).open("/notice", url.Values{"number": {there}, "code": {plantedCode}})
	require.Contains(t, known.body, `href="/inbox/`+there)

	missing := b.open("/notice", url.Values{})
	require.Equal(t, http.StatusUnprocessableEntity, missing.status)
	require.Contains(t, missing.body, `href="#number"`)
	require.Contains(t, missing.body, `href="#code"`)
	for _, wrong := range []url.Values{
		{"number": {here}, "code": {plantedCode}}, {"number": {there}, "code": {"0000-0000-00"}}, {"number": {"x"}, "code": {plantedCode}}, {"number": {there}, "code": {"short"}},
	} {
		page := b.open("/notice", wrong)
		require.Equal(t, http.StatusNotFound, page.status)
		require.Contains(t, page.body, "사칭")
		require.NotContains(t, page.body, plantedSender)
	}
	for _, secret := range []string{plantedCode, plantedSender} {
		require.NotContains(t, w.Logs.String(), secret)
	}
}

package delivery_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/delivery"
)

// A notice holds a code by which this relay confirms it as its own, to anybody and however it is typed; every other code, and the
// code of another document, is answered alike. No name is told to who holds no code.
func TestNoticeIsConfirmed(t *testing.T) {
	t.Parallel()
	o, p := withPhone(t, 300, always(http.StatusOK), func(c *delivery.Config) {
		c.Notice.Confirm = "https://relay.example/notice#"
	})
	one, other := o.document(t, unittest.NewID(), own), o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, one), resolved(1, other))
	unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 2)
	codes := map[string]string{}
	for _, call := range p.calls() {
		for _, n := range call.Notices {
			for _, d := range n.Documents {
				codes[d.EdocNum] = d.Code
				require.Equal(t, "https://relay.example/notice#"+d.EdocNum+"."+d.Code, d.Confirm)
			}
		}
	}
	number, foreign := one.GetFacts().GetEdocNum(), other.GetFacts().GetEdocNum()
	client := deliveryv1.NewNoticeServiceClient(o.Unit(t, "gateway"))
	for _, typed := range []string{codes[number], strings.ToLower(codes[number]), strings.ReplaceAll(codes[number], "-", " ")} {
		found, err := client.ConfirmNotice(t.Context(), &deliveryv1.ConfirmNoticeRequest{EdocNum: number, Code: typed})
		require.NoError(t, err)
		require.Equal(t, "시험기관 "+sender[len(sender)-1:], found.GetSender())
		require.Equal(t, o.Clock.Now(), found.GetReceivedAt().AsTime())
	}
	for _, r := range []*deliveryv1.ConfirmNoticeRequest{
		{EdocNum: number, Code: codes[foreign]}, {EdocNum: number, Code: "0000000000"}, {EdocNum: "20260101_NARUTEST01_0000000000999", Code: codes[number]},
	} {
		_, err := client.ConfirmNotice(t.Context(), r)
		require.Equal(t, "NOTICE_NOT_FOUND", fault.ReasonOf(err))
	}
}

package delivery_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	"github.com/naru-relay/naru/services/delivery"
)

// A document that nobody has read by then is told of once more, before its viewing deadline; what was read, or whose deadline is
// nearer than that at its receipt, is not. The sender sees the first notice only.
func TestReminder(t *testing.T) {
	t.Parallel()
	o, p := withPhone(t, 300, always(http.StatusOK), func(c *delivery.Config) { c.Notice.RemindBefore = config.Duration(12 * time.Hour) })
	unread, read, near := o.document(t, unittest.NewID(), own), o.document(t, unittest.NewID(), own), o.document(t, unittest.NewID(), own)
	near.Facts.ViewingDeadline = near.GetFacts().GetSendDeadline()
	near.Facts.ViewingDeadline.Seconds -= 20 * 3600
	o.Deliver(t, express, resolved(1, unread), resolved(1, read), resolved(1, near))
	unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 3)
	o.read(t, read.GetFacts().GetEdocNum(), o.Clock.Now())
	require.Equal(t, 2, o.count(t, `select count(*) from notice_reminder`))
	o.Advance(t, 35*time.Hour)
	require.Equal(t, 2, o.count(t, `select count(*) from notice_reminder`))
	o.Advance(t, 2*time.Hour)
	reminders := func() (all []call) {
		for _, c := range p.calls() {
			if c.Type == "documents.reminder" {
				all = append(all, c)
			}
		}
		return all
	}
	await.Require(t, unittest.Patience, func() bool { return len(reminders()) == 1 && o.noticesLeft(t) == 0 })
	require.Equal(t, map[string][]string{unread.GetFacts().GetRecipient(): {unread.GetFacts().GetEdocNum()}}, reminders()[0].numbers())
	require.Zero(t, o.count(t, `select count(*) from notice_reminder`))
	require.Len(t, unittest.Facts[*deliveryv1.NoticeGiven](t, o.Bench), 3)
}

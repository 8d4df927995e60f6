package intake

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// A full disk of the database means refused sends, whether its data files cannot grow or its log cannot be written: 503 with
// Retry-After and reason, nothing is parked. When there is room, what was refused is accepted once, by itself.
func TestFullDiskOfTheDatabase(t *testing.T) {
	t.Parallel()
	db, disk := pgtest.OnSmallDisk(t, "512m", domain, Unit.Sources()...)
	w := newWorld(t, unittest.On(db))
	accepted := map[string]*intakev1.SendItem{}
	numbers := map[string]string{}
	try := func(item *intakev1.SendItem) error {
		resp, err := w.client.Send(t.Context(), &intakev1.SendRequest{Item: item})
		if err == nil {
			accepted[item.GetOwnKey()], numbers[item.GetOwnKey()] = item, resp.GetAcceptance().GetEdocNum()
		}
		return err
	}
	require.NoError(t, try(w.item(t, "before")))

	free := disk.Full(t)
	var refused []*intakev1.SendItem
	refuse := func(what string) {
		t.Helper()
		await.Require(t, time.Minute, func() bool { // what fits into pages that are there is still accepted
			item := w.item(t, fmt.Sprint(what, len(accepted)))
			err := try(item)
			if err == nil {
				return false
			}
			problem := fault.ProblemOf(err, "")
			require.Equal(t, []any{http.StatusServiceUnavailable, "UNAVAILABLE", time.Second}, []any{problem.Status, problem.Reason, problem.RetryAfter}, err)
			refused = append(refused, item)
			return true
		})
	}
	refuse("no-data-file-grows-")
	require.NoError(t, w.App.Ping(t.Context()), "the server lives on")
	require.Equal(t, len(accepted), w.count(t, "document"))
	require.Positive(t, w.metric(t, "naru_pg_failures_total", "reason", "disk_full"))

	disk.ExhaustLog(t)
	refuse("no-log-is-written-")
	require.ErrorContains(t, w.Ready(t.Context()), "the database does not answer")
	require.Positive(t, w.metric(t, "naru_pg_failures_total", "reason", "unreachable"))
	// What comes from the bus meanwhile has to wait there.
	other := unittest.NewID()
	for _, f := range unittest.Frames(t, platformv1.Lane_LANE_EXPRESS, w.registered(other, "other@가상상사", w.archive.at)) {
		w.Offer(t, f, unittest.Tags(t, f, domain))
	}

	free()
	await.Require(t, time.Minute, func(ctx context.Context) error { return w.Ready(ctx) })
	for _, item := range refused {
		await.Require(t, unittest.Patience, func() bool { return try(item) == nil })
	}
	for key, item := range accepted {
		require.Equal(t, numbers[key], w.send(t, item).GetEdocNum(), key)
	}
	require.Equal(t, len(accepted), w.count(t, "document"))
	await.Require(t, unittest.Patience, func() bool { return w.count(t, "sender_address where address = 'other@가상상사'") == 1 })
	require.Zero(t, w.count(t, "parked_event"))
}

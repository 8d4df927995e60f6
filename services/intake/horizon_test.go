package intake

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// The horizon is as far behind the present as an acceptance may take, and goes on with it.
func TestHorizon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := intakev1.NewIntakeLookupServiceClient(w.Unit(t, "status"))
	horizon := func() *intakev1.GetHorizonResponse {
		told, err := asked.GetHorizon(t.Context(), &intakev1.GetHorizonRequest{})
		require.NoError(t, err)
		return told
	}
	accepted := w.send(t, w.item(t, "key-1")).GetAcceptedAt().AsTime()
	require.True(t, horizon().GetUntil().AsTime().Before(accepted))
	w.Advance(t, -time.Minute)
	require.Equal(t, w.Clock.Now().Add(-horizonMargin), horizon().GetUntil().AsTime(), "the unit's clock is behind")
	w.Advance(t, time.Hour)
	await.Require(t, unittest.Patience, func() bool {
		told := horizon()
		return told.GetSequence() > 0 && told.GetUntil().AsTime().After(clock.System().Now().Add(-2*horizonMargin))
	})
	require.True(t, horizon().GetUntil().AsTime().Before(clock.System().Now().Add(-horizonMargin+time.Second)), "the database's clock is behind")
}

// A document that waited too long for its transaction is refused: it would appear behind the horizon.
func TestWhatWaitedTooLongIsNotCommitted(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	present := clock.NewFake(b.at.Add(acceptSpan))
	b.clock = present
	inTime, late := b.row(t, uuid.New(), "in-time", "content", platformv1.Lane_LANE_EXPRESS), b.row(t, uuid.New(), "late", "content", platformv1.Lane_LANE_EXPRESS)
	late.acceptedAt = b.at.Add(-time.Millisecond)
	for _, r := range []*row{inTime, late} {
		r.waiter = &waiter{ctx: t.Context(), done: make(chan struct{})}
		r.waiter.left.Store(1)
	}
	b.commitGroup(t.Context(), []*row{late, inTime})
	require.NoError(t, inTime.answer.err)
	require.ErrorIs(t, late.answer.err, fault.Exhausted)
	require.Equal(t, []string{string(inTime.number)}, b.strings(t, `select edoc_num from document`))
}

package delivery_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// failing is a phone that is out of order until it is repaired.
func failing(t *testing.T, attempts int) (o *office, repair func(), admin deliveryv1.NoticeAdminServiceClient) {
	t.Helper()
	var repaired atomic.Bool
	o, _ = withPhone(t, attempts, func(call) int {
		if repaired.Load() {
			return http.StatusOK
		}
		return http.StatusBadGateway
	})
	return o, func() { repaired.Store(true) }, deliveryv1.NewNoticeAdminServiceClient(o.Admin(t))
}

func awaitRounds(t *testing.T, admin deliveryv1.NoticeAdminServiceClient, givenUp bool, n int) (all []*deliveryv1.NoticeRound) {
	t.Helper()
	await.Require(t, unittest.Patience, func() bool {
		all = nil
		for token := ""; ; {
			page, err := admin.ListNoticeRounds(t.Context(), &deliveryv1.ListNoticeRoundsRequest{GivenUp: givenUp, PageSize: 1, PageToken: token})
			require.NoError(t, err)
			all = append(all, page.GetRounds()...)
			if token = page.GetNextPageToken(); token == "" {
				return len(all) == n
			}
		}
	})
	return all
}

// What was given up is called again as a round of its own, once an operator orders it.
func TestRoundThatWasGivenUpIsRetried(t *testing.T) {
	t.Parallel()
	o, repair, admin := failing(t, 1)
	one, other := o.document(t, unittest.NewID(), own), o.document(t, unittest.NewID(), own)
	o.Deliver(t, express, resolved(1, one))
	awaitRounds(t, admin, true, 1)
	o.Deliver(t, express, resolved(1, other))
	given := awaitRounds(t, admin, true, 2)
	require.Equal(t, []string{one.GetFacts().GetEdocNum()}, given[0].GetEdocNums(), "the oldest first")
	require.Equal(t, "answered with status 502", given[0].GetLastError())
	require.EqualValues(t, 1, given[0].GetAttempts())
	require.NotNil(t, given[0].GetGivenUpAt())
	require.Nil(t, given[0].GetNextAttemptAt())

	repair()
	retried, err := admin.RetryNoticeRounds(t.Context(), &deliveryv1.RetryNoticeRoundsRequest{Ids: []string{given[0].GetId(), unittest.NewID()}})
	require.NoError(t, err)
	require.EqualValues(t, 1, retried.GetRetried())
	told := unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1)
	require.Equal(t, one.GetFacts().GetEdocNum(), told[0].GetEdocNum())
	require.Equal(t, given[1].GetId(), awaitRounds(t, admin, true, 1)[0].GetId(), "only what was named")
	acts := unittest.Facts[*deliveryv1.RoundRetried](t, o.Bench)
	require.Len(t, acts, 1)
	require.Equal(t, given[0].GetId(), acts[0].GetRound())
	require.NotEmpty(t, acts[0].GetNext())
}

// A round that waits is called at once, or given up with a reason, as an operator orders. Both are facts with their actor.
func TestRoundThatWaits(t *testing.T) {
	t.Parallel()
	o, repair, admin := failing(t, 300)
	o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
	waiting := awaitRounds(t, admin, false, 1)[0]
	require.NotNil(t, waiting.GetNextAttemptAt())
	// A call may be under way.
	await.Require(t, unittest.Patience, func() bool {
		ended, err := admin.GiveUpNoticeRounds(t.Context(), &deliveryv1.GiveUpNoticeRoundsRequest{Ids: []string{waiting.GetId()}, Reason: "told by letter"})
		require.NoError(t, err)
		return ended.GetGivenUp() == 1
	})
	require.Equal(t, "told by letter", awaitRounds(t, admin, true, 1)[0].GetLastError())
	again, err := admin.GiveUpNoticeRounds(t.Context(), &deliveryv1.GiveUpNoticeRoundsRequest{Ids: []string{waiting.GetId()}, Reason: "once more"})
	require.NoError(t, err)
	require.Zero(t, again.GetGivenUp())
	stated := o.Stated(t, &deliveryv1.RoundGivenUp{})
	require.Len(t, stated, 1)
	require.NotEqual(t, "unit:delivery", stated[0].GetActor())

	retry := func(id string) {
		t.Helper()
		await.Require(t, unittest.Patience, func() bool {
			answer, err := admin.RetryNoticeRounds(t.Context(), &deliveryv1.RetryNoticeRoundsRequest{Ids: []string{id}})
			require.NoError(t, err)
			return answer.GetRetried() == 1
		})
	}
	retry(waiting.GetId())
	next := awaitRounds(t, admin, false, 1)[0]
	require.NotEqual(t, waiting.GetId(), next.GetId())
	await.Require(t, unittest.Patience, func() bool { return awaitRounds(t, admin, false, 1)[0].GetAttempts() > 0 })
	retry(next.GetId())
	repair()
	unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1)
	awaitRounds(t, admin, false, 0)

	_, err = admin.RetryNoticeRounds(t.Context(), &deliveryv1.RetryNoticeRoundsRequest{Ids: []string{"x"}})
	require.ErrorIs(t, err, fault.Invalid)
}

// An operator ends the pause that the notice URL asked for.
func TestRetryEndsAPause(t *testing.T) {
	t.Parallel()
	var repaired atomic.Bool
	o, p := withPhone(t, 300, func(call) int {
		if repaired.Load() {
			return http.StatusOK
		}
		return http.StatusServiceUnavailable
	})
	p.mu.Lock()
	p.header = func() (string, string) { return "Retry-After", "3600" }
	p.mu.Unlock()
	admin := deliveryv1.NewNoticeAdminServiceClient(o.Admin(t))
	o.Deliver(t, express, resolved(1, o.document(t, unittest.NewID(), own)))
	waiting := awaitRounds(t, admin, false, 1)[0]
	var until time.Time
	await.Require(t, unittest.Patience, func() bool {
		page, err := admin.ListNoticeRounds(t.Context(), &deliveryv1.ListNoticeRoundsRequest{})
		require.NoError(t, err)
		until = page.GetPausedUntil().AsTime()
		return page.GetPausedUntil() != nil
	})
	require.True(t, until.After(o.Clock.Now().Add(50*time.Minute)))
	repaired.Store(true)
	_, err := admin.RetryNoticeRounds(t.Context(), &deliveryv1.RetryNoticeRoundsRequest{Ids: []string{waiting.GetId()}})
	require.NoError(t, err)
	unittest.AwaitFacts[*deliveryv1.NoticeGiven](t, o.Bench, 1)
}

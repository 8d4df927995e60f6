package circulation_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

const giveUpReason = "허브가 다른 기록을 보관함, 아무개 확인"

// What is given up leaves the queue for good: it is never sent again, its sender is told, and who gave it up and why is kept.
func TestGiveUpQueued(t *testing.T) {
	t.Parallel()
	o := setup(t)
	admin := circulationv1.NewCirculationAdminServiceClient(o.Admin(t))
	refused, readRefused, fine := o.facts(t), o.facts(t), o.facts(t)
	o.hub.do(func() {
		o.hub.scripts[refused.GetEdocNum()] = []int32{3}
		o.hub.scripts[readRefused.GetEdocNum()+"/read"] = []int32{3}
	})
	o.Deliver(t, express, received(refused), received(readRefused), received(fine))
	o.Deliver(t, express, read(refused), read(readRefused))
	o.awaitCalls(t, refused.GetEdocNum(), isQueued, isWaiting)
	o.awaitCalls(t, readRefused.GetEdocNum(), isDone, isQueued)
	o.awaitCalls(t, fine.GetEdocNum(), isDone, isWaiting)
	giveUp := func(number, reason string) error {
		_, err := admin.GiveUpQueued(t.Context(), &circulationv1.GiveUpQueuedRequest{EdocNum: number, Reason: reason})
		return err
	}
	for _, reason := range []string{"", strings.Repeat("가", 501)} {
		require.Equal(t, fault.Invalid, fault.KindOf(giveUp(refused.GetEdocNum(), reason)))
	}
	require.Equal(t, "NOT_QUEUED", fault.ReasonOf(giveUp(fine.GetEdocNum(), giveUpReason)))
	require.Equal(t, "RECORD_NOT_FOUND", fault.ReasonOf(giveUp("20200101_NARUTEST01_0000000000001", giveUpReason)))
	require.NoError(t, giveUp(refused.GetEdocNum(), giveUpReason))
	require.NoError(t, giveUp(readRefused.GetEdocNum(), giveUpReason))
	require.Equal(t, "NOT_QUEUED", fault.ReasonOf(giveUp(refused.GetEdocNum(), giveUpReason)))

	const isGivenUp, isNotNeeded = circulationv1.CallState_CALL_STATE_GIVEN_UP, circulationv1.CallState_CALL_STATE_NOT_NEEDED
	shown := o.awaitCalls(t, refused.GetEdocNum(), isGivenUp, isNotNeeded)
	require.Equal(t, "HUB_RESULT_3", shown.GetRegistration().GetQueueReason())
	o.awaitCalls(t, readRefused.GetEdocNum(), isDone, isGivenUp)
	page, err := admin.ListQueue(t.Context(), &circulationv1.ListQueueRequest{})
	require.NoError(t, err)
	require.Empty(t, page.GetRecords())
	_, err = admin.RetryQueued(t.Context(), &circulationv1.RetryQueuedRequest{EdocNum: refused.GetEdocNum()})
	require.Equal(t, "NOT_QUEUED", fault.ReasonOf(err))

	told := unittest.Facts[*circulationv1.CirculationGivenUp](t, o.Bench)
	require.Len(t, told, 2)
	require.Equal(t, []bool{false, true}, []bool{told[0].GetReadTime(), told[1].GetReadTime()})
	require.Equal(t, "HUB_RESULT_3", told[0].GetRefusal())
	envelopes := o.Stated(t, &circulationv1.CirculationGivenUp{})
	require.Equal(t, []uint32{1, 2}, []uint32{envelopes[0].GetOrdinal(), envelopes[1].GetOrdinal()})
	for number, kind := range map[string]int{refused.GetEdocNum(): 1, readRefused.GetEdocNum(): 2} {
		var ruling, decision string
		var reason []byte
		var commit [16]byte
		require.NoError(t, o.App.QueryRow(t.Context(), `select id::text, decision, reason, commit_id from hub_ruling where edoc_num = $1 and kind = $2`, number, kind).
			Scan(&ruling, &decision, &reason, &commit))
		require.Equal(t, "given_up", decision)
		clear, err := o.Env.Sealed.Open(t.Context(), "circulation.ruling_reason", ruling, reason)
		require.NoError(t, err)
		require.Equal(t, giveUpReason, string(clear))
		require.NoError(t, journal.Find(t.Context(), o.App, "circulation", commit, number, &circulationv1.QueuedCallGivenUp{}))
	}
	o.requireNowhere(t, giveUpReason)
}

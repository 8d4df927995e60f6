package status_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// A sender lists and counts the documents of a batch, in every state; an agent those of them that it sent. The same name is
// another batch for everybody else.
func TestBatchOfASender(t *testing.T) {
	t.Parallel()
	o := setup(t)
	agent := unittest.NewID()
	received, early, failed, byAgent, other, foreign, without := o.document(), o.document(), o.document(), o.document(), o.document(), o.document(), o.document()
	received.Batch, early.Batch, failed.Batch, byAgent.Batch, foreign.Batch = "2026-03", "2026-03", "2026-03", "2026-03", "2026-03"
	other.Batch = "2026-04"
	byAgent.Actor, foreign.Sender, foreign.Actor = agent, viewer, viewer
	received.AcceptedAt, failed.AcceptedAt, byAgent.AcceptedAt = o.stamp(2), o.stamp(3), o.stamp(1)
	for _, f := range []*platformv1.DocumentFacts{received, early, failed, byAgent, other, foreign, without} {
		o.tell(t, o.accepted(f))
	}
	o.tell(t, o.received(received, 10), o.failed(failed, 11))

	list := func(c statusv1.StatusServiceClient, r *statusv1.ListStatusesRequest) []string {
		t.Helper()
		r.PageSize = 1
		numbers, _ := walk(t, c, r)
		return numbers
	}
	of := func(name string) *statusv1.ListStatusesRequest { return &statusv1.ListStatusesRequest{Batch: name} }
	c := o.service(t, sender)
	require.Equal(t, []string{early.GetEdocNum(), byAgent.GetEdocNum(), received.GetEdocNum(), failed.GetEdocNum()}, list(c, of("2026-03")))
	newest := of("2026-03")
	newest.NewestFirst = true
	require.Equal(t, []string{failed.GetEdocNum(), received.GetEdocNum(), byAgent.GetEdocNum(), early.GetEdocNum()}, list(c, newest))
	accepted := of("2026-03")
	accepted.States = []statusv1.DocumentState{statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED}
	require.Equal(t, []string{early.GetEdocNum(), byAgent.GetEdocNum()}, list(c, accepted))
	keyed := of("2026-03")
	keyed.OwnKey = failed.GetOwnKey()
	require.Equal(t, []string{failed.GetEdocNum()}, list(c, keyed))
	keyed.OwnKey = other.GetOwnKey()
	require.Empty(t, list(c, keyed), "a document of another batch")
	inTime := of("2026-03")
	inTime.AcceptedFrom = o.stamp(2)
	require.Equal(t, []string{received.GetEdocNum(), failed.GetEdocNum()}, list(c, inTime), "one side of the window is enough")
	require.Equal(t, "2026-03", o.status(t, received).GetBatch())
	require.Empty(t, o.status(t, without).GetBatch())

	count := func(c statusv1.StatusServiceClient, name string) *statusv1.GetBatchProgressResponse {
		t.Helper()
		answer, err := c.GetBatchProgress(t.Context(), &statusv1.GetBatchProgressRequest{Batch: name})
		require.NoError(t, err)
		return answer
	}
	got := count(c, "2026-03")
	states := map[statusv1.DocumentState]int64{}
	for _, one := range got.GetCounts() {
		states[one.GetState()] = one.GetDocuments()
	}
	require.Equal(t, map[statusv1.DocumentState]int64{
		statusv1.DocumentState_DOCUMENT_STATE_ACCEPTED: 2, statusv1.DocumentState_DOCUMENT_STATE_RECEIVED: 1, statusv1.DocumentState_DOCUMENT_STATE_FAILED: 1,
	}, states)
	require.EqualValues(t, 4, got.GetTotal())
	require.False(t, got.GetMore())
	require.Equal(t, o.at(0), got.GetFirstAcceptedAt().AsTime())
	require.Equal(t, o.at(3), got.GetLastAcceptedAt().AsTime())

	require.Equal(t, []string{byAgent.GetEdocNum()}, list(o.agent(t, agent), of("2026-03")))
	require.EqualValues(t, 1, count(o.agent(t, agent), "2026-03").GetTotal())
	require.Equal(t, []string{foreign.GetEdocNum()}, list(o.service(t, viewer), of("2026-03")))
	require.EqualValues(t, 1, count(o.service(t, viewer), "2026-03").GetTotal())
	for name, stranger := range map[string]statusv1.StatusServiceClient{
		"a sender": o.service(t, unittest.NewID()), "an agent": o.agent(t, unittest.NewID()), "the agent as a sender": o.service(t, agent),
		"the sender as an agent": o.agent(t, sender), "a member": statusv1.NewStatusServiceClient(o.Recipient(t, unittest.NewID())),
	} {
		require.Empty(t, list(stranger, of("2026-03")), name)
		answer := count(stranger, "2026-03")
		require.Zero(t, answer.GetTotal(), name)
		require.Empty(t, answer.GetCounts(), name)
		require.Nil(t, answer.GetFirstAcceptedAt(), name)
	}
	require.Zero(t, count(c, "2026-05").GetTotal())
	_, err := c.GetBatchProgress(t.Context(), &statusv1.GetBatchProgressRequest{})
	require.Equal(t, fault.Invalid, fault.KindOf(err))

	// While the acceptance is on its way, intake tells the batch.
	late := o.document()
	late.Batch = "late"
	o.intake.known[late.GetEdocNum()] = late
	require.Equal(t, "late", o.status(t, late).GetBatch())
}

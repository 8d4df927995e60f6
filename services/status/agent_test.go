package status_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

func (o *office) agent(t *testing.T, id string) statusv1.StatusServiceClient {
	t.Helper()
	return statusv1.NewStatusServiceClient(o.As(t, platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT, id))
}

// An agent sees the documents that it sent, whoever their senders are, as these see them, and nothing of other documents.
func TestAgentSeesWhatItSent(t *testing.T) {
	t.Parallel()
	o := setup(t)
	agent, stranger := unittest.NewID(), unittest.NewID()
	sent, elsewhere, own := o.document(), o.document(), o.document()
	sent.Actor, elsewhere.Actor, elsewhere.Sender = agent, agent, unittest.NewID()
	o.tell(t, o.accepted(sent), o.accepted(elsewhere), o.accepted(own))
	o.tell(t, o.received(sent, 1), o.received(own, 1))

	got, err := o.agent(t, agent).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: sent.GetEdocNum()})
	require.NoError(t, err)
	require.Equal(t, statusv1.DocumentState_DOCUMENT_STATE_RECEIVED, got.GetStatus().GetState())
	require.Equal(t, agent, got.GetStatus().GetActor())
	require.Equal(t, agent, o.status(t, sent).GetActor(), "and its sender, too")
	timeline, err := o.agent(t, agent).GetTimeline(t.Context(), &statusv1.GetTimelineRequest{EdocNum: sent.GetEdocNum()})
	require.NoError(t, err)
	require.Len(t, timeline.GetEntries(), len(o.timeline(t, sent)))

	list := func(id, ownKey string) (numbers []string) {
		t.Helper()
		request := &statusv1.ListStatusesRequest{AcceptedFrom: o.stamp(-1), AcceptedUntil: o.stamp(10), PageSize: 1}
		if ownKey != "" {
			request = &statusv1.ListStatusesRequest{OwnKey: ownKey, PageSize: 1}
		}
		for {
			page, err := o.agent(t, id).ListStatuses(t.Context(), request)
			require.NoError(t, err)
			for _, one := range page.GetStatuses() {
				numbers = append(numbers, one.GetEdocNum())
			}
			if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
				return numbers
			}
		}
	}
	require.Equal(t, []string{sent.GetEdocNum(), elsewhere.GetEdocNum()}, list(agent, ""))
	require.Equal(t, []string{elsewhere.GetEdocNum()}, list(agent, elsewhere.GetOwnKey()))
	require.Empty(t, list(agent, own.GetOwnKey()))

	for name, tc := range map[string]struct{ by, number string }{
		"another agent": {stranger, sent.GetEdocNum()}, "what the sender sent itself": {agent, own.GetEdocNum()},
	} {
		_, err := o.agent(t, tc.by).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: tc.number})
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err), name)
		_, err = o.agent(t, tc.by).GetTimeline(t.Context(), &statusv1.GetTimelineRequest{EdocNum: tc.number})
		require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err), name)
	}
	require.Empty(t, list(stranger, ""))
	both, err := o.agent(t, agent).BatchGetStatus(t.Context(), &statusv1.BatchGetStatusRequest{EdocNums: []string{own.GetEdocNum(), sent.GetEdocNum()}})
	require.NoError(t, err)
	require.Len(t, both.GetStatuses(), 1)
	require.Equal(t, []string{own.GetEdocNum()}, both.GetNotFound())

	// While the acceptance is on its way, intake tells who sent it.
	late := o.document()
	late.Actor = agent
	o.tell(t, o.cancelRequested(late, 1), o.cancelRefused(late, 2))
	_, err = o.agent(t, agent).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: late.GetEdocNum()})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err), "nobody knows it yet")
	o.intake.known[late.GetEdocNum()] = late
	got, err = o.agent(t, agent).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: late.GetEdocNum()})
	require.NoError(t, err)
	require.True(t, got.GetStatus().GetCancelRefused(), "with all that is known of it")
	_, err = o.agent(t, stranger).GetStatus(t.Context(), &statusv1.GetStatusRequest{EdocNum: late.GetEdocNum()})
	require.Equal(t, "DOCUMENT_NOT_FOUND", fault.ReasonOf(err))
}

package status_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

// A list says up to when it is whole: no further than intake tells, not before what intake had published by then is here, and
// never back.
func TestAListSaysUpToWhenItIsWhole(t *testing.T) {
	t.Parallel()
	o := setup(t)
	f := o.document()
	o.tell(t, o.accepted(f))
	whole := func() time.Time {
		listed, err := o.service(t, sender).ListStatuses(t.Context(), &statusv1.ListStatusesRequest{AcceptedFrom: o.stamp(-1), AcceptedUntil: o.stamp(1)})
		require.NoError(t, err)
		require.Len(t, listed.GetStatuses(), 1)
		if listed.GetCompleteUntil() == nil {
			return time.Time{}
		}
		return listed.GetCompleteUntil().AsTime()
	}
	tell := func(at time.Time, sequence uint64) {
		o.intake.mu.Lock()
		defer o.intake.mu.Unlock()
		o.intake.until, o.intake.sequence = at, sequence
	}
	require.Zero(t, whole(), "intake has not told")
	tell(o.at(5), 1)
	await.Require(t, unittest.Patience, func() bool { return whole().Equal(o.at(5)) })
	tell(o.at(4), 1)
	o.tell(t, o.received(f, 1))
	tell(o.at(9), 2)
	await.Require(t, unittest.Patience, func() bool { return whole().Equal(o.at(9)) })
}

package certificate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// Many bundles are asked for at once: what is refused keeps nothing else from being accepted, and the same call asks for nothing
// twice.
func TestBundlesInBulk(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	ask := &certificatev1.BatchRequestBundlesRequest{EdocNums: []string{w.deposited(t, 1), w.circulated(t, 99)[:32] + "0", w.deposited(t, 2)}, Reason: reasonText, RequestId: "b-1"}
	batch := func(c certificatev1.BundleServiceClient) []*certificatev1.BundleOutcome {
		answer, err := c.BatchRequestBundles(t.Context(), ask)
		require.NoError(t, err)
		require.Len(t, answer.GetOutcomes(), 3)
		for i, o := range answer.GetOutcomes() {
			require.Equal(t, ask.GetEdocNums()[i], o.GetEdocNum())
		}
		return answer.GetOutcomes()
	}
	outcomes := batch(w.bundles(t))
	require.Equal(t, "DOCUMENT_NOT_FOUND", outcomes[1].GetReason())
	ids := []string{outcomes[2].GetBundle().GetId(), outcomes[0].GetBundle().GetId()}
	for _, id := range ids {
		require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, w.await(t, id, hasEnded).GetState())
	}
	again := batch(w.bundles(t))
	for i, of := range []int{2, 0} {
		require.Equal(t, ids[i], again[of].GetBundle().GetId())
	}
	got, err := w.bundles(t).BatchGetBundles(t.Context(), &certificatev1.BatchGetBundlesRequest{Ids: append(ids, unittest.NewID())})
	require.NoError(t, err)
	require.Len(t, got.GetBundles(), 2)
	require.Equal(t, ids[0], got.GetBundles()[0].GetId())

	stranger := certificatev1.NewBundleServiceClient(w.Sender(t, unittest.NewID()))
	for _, o := range batch(stranger) {
		require.Equal(t, "DOCUMENT_NOT_FOUND", o.GetReason())
	}
	got, err = stranger.BatchGetBundles(t.Context(), &certificatev1.BatchGetBundlesRequest{Ids: ids})
	require.NoError(t, err)
	require.Empty(t, got.GetBundles())
	_, err = w.bundles(t).BatchRequestBundles(t.Context(), &certificatev1.BatchRequestBundlesRequest{EdocNums: []string{ask.EdocNums[0], ask.EdocNums[0]}, Reason: reasonText, RequestId: "b-2"})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Equal(t, 1, w.count(t, `select count(*) from certificate_request where request_id = $1 and principal = $2`, "bundle:b-1/"+ask.EdocNums[0], w.sender))
}

package unit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// An operator places holds, once each however often, lists them and ends them. Every act is a fact with its actor.
func TestLegalHolds(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, toy(done))
	holds := platformv1.NewLegalHoldServiceClient(b.Admin(t))
	place := func(subject, reference string) error {
		_, err := holds.PlaceLegalHold(t.Context(), &platformv1.PlaceLegalHoldRequest{Unit: "address", Subject: subject, Reference: reference})
		return err
	}
	release := func(subject, reference string) {
		t.Helper()
		_, err := holds.ReleaseLegalHold(t.Context(), &platformv1.ReleaseLegalHoldRequest{Unit: "address", Subject: subject, Reference: reference})
		require.NoError(t, err)
	}
	listed := func() (all []string) {
		t.Helper()
		for token := ""; ; {
			page, err := holds.ListLegalHolds(t.Context(), &platformv1.ListLegalHoldsRequest{Unit: "address", PageSize: 1, PageToken: token})
			require.NoError(t, err)
			for _, h := range page.GetHolds() {
				require.NotNil(t, h.GetPlacedAt())
				all = append(all, h.GetSubject()+" "+h.GetReference())
			}
			if token = page.GetNextPageToken(); token == "" {
				return all
			}
		}
	}
	require.Empty(t, listed())
	require.NoError(t, place("doc-1", "case-1"))
	require.NoError(t, place("doc-2", "case-1"))
	require.NoError(t, place("doc-1", "case-2"))
	require.NoError(t, place("doc-1", "case-1"))
	require.Equal(t, []string{"doc-1 case-1", "doc-2 case-1", "doc-1 case-2"}, listed())
	b.Clock.Advance(-365 * 24 * time.Hour)
	holds = platformv1.NewLegalHoldServiceClient(b.Admin(t))
	release("doc-1", "case-1")
	release("doc-1", "case-1")
	release("doc-1", "another case")
	require.Equal(t, []string{"doc-2 case-1", "doc-1 case-2"}, listed(), "an order of another case holds on, whatever the clock says")
	require.NoError(t, place("doc-1", "case-1"))
	release("doc-2", "case-1")
	require.Equal(t, []string{"doc-1 case-2", "doc-1 case-1"}, listed())
	require.Len(t, b.Stated(t, &platformv1.LegalHoldPlaced{}), 4)
	require.Len(t, b.Stated(t, &platformv1.LegalHoldReleased{}), 2)
	require.NotEmpty(t, b.Stated(t, &platformv1.LegalHoldPlaced{})[0].GetActor())

	require.ErrorIs(t, place("", "case-1"), fault.Invalid)
	require.ErrorIs(t, place("doc-3", " "), fault.Invalid)
	_, err := holds.ListLegalHolds(t.Context(), &platformv1.ListLegalHoldsRequest{Unit: "address", PageToken: "x"})
	require.Equal(t, "PAGE_TOKEN_INVALID", fault.ReasonOf(err))
}

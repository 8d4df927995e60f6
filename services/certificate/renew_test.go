package certificate

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// Before a time stamp ends to be believed the bundle is stamped again, whatever the authority does meanwhile; it can be had all
// the while, and outlives the first authority.
func TestBundleIsStampedAgain(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	began := w.Clock.Now()
	lasting, ends := w.tsa.Signer, began.AddDate(0, 0, 1)
	w.tsa.Signer = w.tsaRoot.TimeStamper(t, "시험용 곧 끝나는 센터", ends.AddDate(-1, 0, 0))
	got := w.await(t, w.request(t, w.deposited(t, 1), "b-1").GetId(), hasEnded)
	require.Equal(t, certificatev1.BundleState_BUNDLE_STATE_ISSUED, got.GetState(), got.String())
	first, _, err := w.download(t, got.GetId())
	require.NoError(t, err)
	require.Equal(t, 1, w.count(t, `select count(*) from bundle_stamp where due_at > now() + interval '11 hours' and due_at < now() + interval '12 hours'`), "half of what is left")
	judge := func(container []byte, at time.Time) *bundle.Report {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(container), int64(len(container)), bundle.Options{Trust: w.trust(t), At: at})
		require.NoError(t, err)
		return report
	}
	later := began.AddDate(0, 0, 2)
	require.True(t, judge(first, began).Valid)
	require.False(t, judge(first, later).Valid)

	w.tsa.Away(true)
	_, err = w.Owner.Exec(t.Context(), `update bundle_stamp set due_at = now() - interval '2 days'`)
	require.NoError(t, err)
	await.Require(t, unittest.Patience, func(context.Context) error {
		if n := w.count(t, `select max(attempt) from bundle_stamp`); n < 2 {
			return fmt.Errorf("%d attempts", n)
		}
		return nil
	})
	overdue, left, err := oldestRenewal(t.Context(), w.Owner)
	require.NoError(t, err)
	require.InDelta(t, 48*3600, overdue, 600)
	require.InDelta(t, 24*3600, left, 600)
	again, _, err := w.download(t, got.GetId())
	require.NoError(t, err)
	require.Equal(t, first, again)

	w.tsa.Signer = lasting
	w.tsa.Away(false)
	fact := unittest.AwaitFacts[*certificatev1.BundleRenewed](t, w.Bench, 1)[0]
	require.EqualValues(t, 2, fact.GetStamps())
	require.WithinDuration(t, began.AddDate(1, 0, 0), fact.GetBelievedUntil().AsTime(), time.Minute)
	renewed, header, err := w.download(t, got.GetId())
	require.NoError(t, err)
	require.EqualValues(t, len(renewed), header.GetSize())
	report := judge(renewed, later)
	require.True(t, report.Valid, "%v", report.Checks)
	require.Equal(t, judge(first, began).EvidenceAt, report.EvidenceAt, "judged as of the first time stamp, as before")
	require.WithinDuration(t, began.AddDate(1, 0, 0), *report.Bundle.StampedUntil, time.Minute)
	overdue, _, err = oldestRenewal(t.Context(), w.Owner)
	require.NoError(t, err)
	require.Zero(t, overdue)
}

// A bundle waits for its next time stamp until the newest one ends soon; one that is kept no longer than that is left alone.
func TestRenewalIsDue(t *testing.T) {
	t.Parallel()
	c := RenewalConfig{Before: config.Duration(90 * 24 * time.Hour)}
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		until, kept int
		wait        int
		due         bool
	}{
		"a year":                   {365, 3650, 275, true},
		"sooner than the lead":     {60, 3650, 30, true},
		"ended":                    {-1, 3650, 0, true},
		"kept no longer":           {365, 365, 0, false},
		"kept a little longer":     {365, 366, 275, true},
		"kept long less than that": {365, 100, 0, false},
	} {
		wait, due := c.dueIn(now, bundle.Stamp{Until: now.AddDate(0, 0, tc.until)}, now.AddDate(0, 0, tc.kept))
		require.Equal(t, tc.due, due, name)
		require.Equal(t, time.Duration(tc.wait)*24*time.Hour, wait, name)
	}
}

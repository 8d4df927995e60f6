package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

func TestAnchorsFormAChainThatVerifies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.verify(t)
	require.Zero(t, r.Anchors)
	for i := range 3 {
		b.append(t, entry(fmt.Sprintf("doc-%d", i)), entry("doc-x"))
		b.anchorAll(t)
		b.clock.Advance(time.Second)
	}
	b.append(t, entry("doc-open"))

	r = b.verify(t)
	require.Empty(t, r.Violations)
	require.Equal(t, uint64(3), r.Anchors)
	require.Equal(t, uint64(7), r.Entries)
	require.Equal(t, uint64(1), r.Unanchored)
	require.Equal(t, int64(3), r.Head.Seq)
	require.Equal(t, time.Date(2026, 5, 1, 9, 0, 2, 0, time.UTC), r.Head.AnchoredAt)
}

func TestATransactionIsNeverSplitOverBatches(t *testing.T) {
	t.Parallel()
	b := setup(t) // batches of about five
	var large []evidence.Entry
	for range 12 {
		large = append(large, entry("doc-large"))
	}
	b.append(t, entry("doc-small"))
	b.append(t, large...)
	b.append(t, entry("doc-small"))
	b.anchorAll(t)
	r := b.verify(t)
	require.Empty(t, r.Violations)
	require.Equal(t, uint64(14), r.Entries)
	anchors := map[int64]bool{}
	for _, e := range large {
		p, err := evidence.InclusionProof(t.Context(), b.db.App, e.ID)
		require.NoError(t, err)
		anchors[p.Anchor.Seq] = true
	}
	require.Len(t, anchors, 1)
}

// A transaction that wrote first and commits last is anchored after those that overtook it.
func TestALateCommitIsNotSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	late, err := b.db.App.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, evidence.Append(t.Context(), late, entry("doc-late")))
	b.append(t, entry("doc-overtaking"))

	anchored, err := b.anchorer.Pass(t.Context())
	require.NoError(t, err)
	require.False(t, anchored, "nothing may be anchored past a running transaction")
	require.Equal(t, int64(1), b.anchorer.Backlog().Count)

	require.NoError(t, late.Commit(t.Context()))
	b.anchorAll(t)
	r := b.verify(t)
	require.Empty(t, r.Violations)
	require.Equal(t, uint64(2), r.Entries)
	require.Zero(t, r.Unanchored)
	for _, subject := range []string{"doc-late", "doc-overtaking"} {
		records, err := evidence.BySubject(t.Context(), b.db.App, subject, 1)
		require.NoError(t, err)
		p, err := evidence.InclusionProof(t.Context(), b.db.App, records[0].ID)
		require.NoError(t, err)
		require.NoError(t, p.Check(t.Context(), b.keys))
	}
}

// Writers that commit in any order, some rolling back, while two replicas anchor all the time.
func TestConcurrentWritersAndAnchorersMissNothing(t *testing.T) {
	t.Parallel()
	const writers, transactions = 6, 25
	b := setup(t)
	replica, err := evidence.NewAnchorer(b.deps)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var anchoring errgroup.Group
	for _, a := range []*evidence.Anchorer{b.anchorer, replica} {
		anchoring.Go(func() error {
			for ctx.Err() == nil {
				if err := a.Drain(ctx); err != nil && ctx.Err() == nil {
					return err
				}
			}
			return nil
		})
	}
	rolledBack := errors.New("rolled back")
	var writing errgroup.Group
	var written [writers]int
	for w := range writers {
		writing.Go(func() error {
			for i := range transactions {
				n := 1 + rand.IntN(3)
				err := pg.InTx(t.Context(), b.db.App, func(tx pgx.Tx) error {
					for range n {
						if err := evidence.Append(t.Context(), tx, entry(fmt.Sprintf("doc-%d-%d", w, i))); err != nil {
							return err
						}
					}
					if _, err := tx.Exec(t.Context(), `select pg_sleep($1)`, rand.Float64()*0.02); err != nil {
						return err
					}
					if i%7 == 3 {
						return rolledBack
					}
					return nil
				})
				if err == nil {
					written[w] += n
				} else if !errors.Is(err, rolledBack) {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, writing.Wait())
	stop()
	require.NoError(t, anchoring.Wait())
	b.anchorAll(t)

	want := 0
	for _, n := range written {
		want += n
	}
	r := b.verify(t)
	require.Empty(t, r.Violations)
	require.Equal(t, uint64(want), r.Entries) // a small count
	require.Zero(t, r.Unanchored)
	require.Greater(t, r.Anchors, uint64(1))
}

func TestAnchoringStopsInAnotherCluster(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-1"))
	b.anchorAll(t)
	// As after a restore where the counter began anew: the bound lies far ahead.
	_, err := b.db.Owner.Exec(t.Context(), `update evidence_anchor set xid_below = '99999999999'`)
	require.NoError(t, err)

	_, err = b.anchorer.Pass(t.Context())
	require.ErrorIs(t, err, evidence.ErrOtherCluster)
	require.ErrorIs(t, b.anchorer.Task().Run(t.Context()), evidence.ErrOtherCluster, "the task must end visibly")
}

type brokenSigner struct{}

func (brokenSigner) Sign(context.Context, []byte) (string, []byte, error) {
	return "", nil, errors.New("the key is not reachable")
}

func TestWithoutSignatureNothingIsAnchored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-1"))
	deps := b.deps
	deps.Signer = brokenSigner{}
	a, err := evidence.NewAnchorer(deps)
	require.NoError(t, err)
	await.Require(t, 20*time.Second, func() bool {
		_, err := a.Pass(t.Context())
		return err != nil
	})
	require.Zero(t, b.verify(t).Anchors)
	b.anchorAll(t)
	require.Empty(t, b.verify(t).Violations)
}

func TestTaskAnchorsUntilItIsStopped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deps.Interval = 10 * time.Millisecond
	a, err := evidence.NewAnchorer(b.deps)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Task().Run(ctx) }()
	b.append(t, entry("doc-1"))
	await.Require(t, 20*time.Second, func() bool { return b.verify(t).Anchors == 1 })
	b.append(t, entry("doc-2"))
	await.Require(t, 20*time.Second, func() bool { return b.verify(t).Anchors == 2 })
	stop()
	require.NoError(t, <-ended)
}

func TestMetricsTellTheAgeOfWhatIsNotAnchored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reader := sdkmetric.NewManualReader()
	b.deps.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter("test")
	a, err := evidence.NewAnchorer(b.deps)
	require.NoError(t, err)
	open, err := b.db.App.Begin(t.Context())
	require.NoError(t, err)
	_, err = open.Exec(t.Context(), `select pg_current_xact_id()`) // holds the bound back
	require.NoError(t, err)
	b.append(t, entry("doc-1"), entry("doc-1"))
	_, err = a.Pass(t.Context())
	require.NoError(t, err)
	records, err := evidence.BySubject(t.Context(), b.db.App, "doc-1", 1)
	require.NoError(t, err)
	b.clock.Set(records[0].RecordedAt.Add(90 * time.Second))

	age, count := gauges(t, reader)
	require.InDelta(t, 90, age, 0.001)
	require.Equal(t, int64(2), count)

	require.NoError(t, open.Rollback(t.Context()))
	await.Require(t, 20*time.Second, func() bool { return a.Drain(t.Context()) == nil && a.Backlog().Count == 0 })
	age, count = gauges(t, reader)
	require.Zero(t, age)
	require.Zero(t, count)
}

func gauges(t *testing.T, reader *sdkmetric.ManualReader) (age float64, count int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &rm))
	for _, m := range rm.ScopeMetrics[0].Metrics {
		switch data := m.Data.(type) {
		case metricdata.Gauge[float64]:
			require.Equal(t, "naru.evidence.unanchored.age", m.Name)
			age = data.DataPoints[0].Value
		case metricdata.Gauge[int64]:
			require.Equal(t, "naru.evidence.unanchored.count", m.Name)
			count = data.DataPoints[0].Value
		default:
			t.Fatalf("unexpected metric %s", m.Name)
		}
	}
	return age, count
}

func TestNewAnchorerNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		name  string
		clear func(*evidence.Deps)
	}{
		{"DB", func(d *evidence.Deps) { d.DB = nil }},
		{"Schema", func(d *evidence.Deps) { d.Schema = "" }},
		{"Signer", func(d *evidence.Deps) { d.Signer = nil }},
		{"Clock", func(d *evidence.Deps) { d.Clock = nil }},
		{"Log", func(d *evidence.Deps) { d.Log = nil }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			deps := b.deps
			tc.clear(&deps)
			_, err := evidence.NewAnchorer(deps)
			require.ErrorContains(t, err, tc.name+" is missing")
		})
	}
}

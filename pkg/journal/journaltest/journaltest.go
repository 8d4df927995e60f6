// Package journaltest opens journals for tests.
package journaltest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
)

// Platform is the relay's platform id in tests.
const Platform = "naru-01-test"

// CosignEvery is how often the newest checkpoint is cosigned anew in tests.
const CosignEvery = 10 * time.Minute

// Journal is a unit's journal with what belongs to it.
type Journal struct {
	*journal.Journal
	Keys   *journal.Keys
	Store  *keys.Store
	Signer *keys.NoteKey
	Clock  *clock.Fake
	// Logger has no witness unless one is given to NewLogger.
	Logger *journal.Logger
	Unit   string
	// Meter is what its loggers and publishers count with; Metric reads it.
	Meter   metric.Meter
	metrics *sdkmetric.ManualReader

	mu        sync.Mutex
	committed []journal.Sealed
}

// Open opens the journal of a unit in a database that has its tables. paced kinds are stated, too.
func Open(t testing.TB, db *pgxpool.Pool, unit string, states []proto.Message, paced ...proto.Message) *Journal {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	j := &Journal{Store: store, Clock: clock.NewFake(clock.System().Now()), Unit: unit, metrics: sdkmetric.NewManualReader()}
	j.Meter = sdkmetric.NewMeterProvider(sdkmetric.WithReader(j.metrics)).Meter("test")
	j.Keys = journal.NewKeys(store, j.Clock)
	j.Signer, err = store.NoteSigner(t.Context(), "log", journal.OwnerOf(Platform, unit))
	require.NoError(t, err)
	j.Journal, err = journal.New(journal.Deps{Unit: unit, DB: db, Clock: j.Clock, Keys: j.Keys, States: append(states, paced...), Paced: paced,
		Policy: unit + "/test", Committed: j.keep})
	require.NoError(t, err)
	j.Logger = j.NewLogger(t, db, nil)
	return j
}

// NewLogger makes another replica's logger.
func (j *Journal) NewLogger(t testing.TB, db *pgxpool.Pool, witness journal.Witness) *journal.Logger {
	t.Helper()
	logger, err := journal.NewLogger(journal.LoggerDeps{Unit: j.Unit, DB: db, Keys: j.Keys, Store: j.Store, Signer: j.Signer, Clock: j.Clock,
		Log: slog.New(slog.DiscardHandler), Meter: j.Meter,
		Witness: witness, CosignEvery: CosignEvery})
	require.NoError(t, err)
	return logger
}

// Metric sums a metric; 0 where there is none.
func (j *Journal) Metric(t testing.TB, name string) int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, j.metrics.Collect(context.WithoutCancel(t.Context()), &all))
	var sum int64
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != name {
				continue
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					sum += p.Value
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					sum += int64(p.Value)
				}
			}
		}
	}
	return sum
}

func (j *Journal) keep(frames []journal.Sealed) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.committed = append(j.committed, frames...)
}

// Committed are the frames committed so far.
func (j *Journal) Committed() []journal.Sealed {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]journal.Sealed{}, j.committed...)
}

// OfKind reads all frames of a kind in the order of their ids.
func OfKind(t testing.TB, db pg.DBTX, unit string, kind frame.Kind) []journal.Sealed {
	t.Helper()
	ids, err := pg.All(t.Context(), db, "read frames of a kind", pgx.RowTo[uuid.UUID], `select frame_id from journal where kind = $1 order by frame_id`, string(kind))
	require.NoError(t, err)
	frames := make([]journal.Sealed, len(ids))
	for i, frameID := range ids {
		frames[i], err = journal.Frame(t.Context(), db, unit, frameID)
		require.NoError(t, err)
	}
	return frames
}

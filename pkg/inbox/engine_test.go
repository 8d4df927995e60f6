package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/journal/journaltest"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func trusted() bool { return true }

func setup(t *testing.T, handle func([]Event[*intakev1.DocumentAccepted]) []Verdict) (*Engine, Consumer, *pgtest.DB) {
	t.Helper()
	db := pgtest.New(t, "address", journal.Migrations(), Migrations())
	consumer := Consumer{Purpose: "accepted", From: "intake", Handlers: []Handler{
		On(func(_ context.Context, _ *journal.Tx, events []Event[*intakev1.DocumentAccepted]) ([]Verdict, error) {
			return handle(events), nil
		}),
	}}
	e, err := New(Deps{Unit: "address", Journal: openJournal(t, db.App), Clock: clock.System(), Trusted: trusted, Consumers: []Consumer{consumer}, Log: slog.New(slog.DiscardHandler),
		Tracer: tracenoop.NewTracerProvider().Tracer(""), Meter: metricnoop.NewMeterProvider().Meter("")})
	require.NoError(t, err)
	return e, consumer, db
}

func framesOf(t *testing.T, subjects ...string) []frame.Frame {
	t.Helper()
	var encoded [][]byte
	for _, subject := range subjects {
		one, err := journal.Encode(t.Context(), "intake/1", journal.Fact{Subject: subject, OccurredAt: time.Unix(1, 0), Message: &intakev1.DocumentAccepted{}})
		require.NoError(t, err)
		encoded = append(encoded, one)
	}
	frames, err := frame.Cut(frame.KindOf(&intakev1.DocumentAccepted{}), platformv1.Lane_LANE_EXPRESS, encoded)
	require.NoError(t, err)
	for i := range frames {
		frames[i] = frames[i].At(frame.NewCommit(), 1)
	}
	return frames
}

func openJournal(t *testing.T, pool *pgxpool.Pool) *journal.Journal {
	t.Helper()
	return journaltest.Open(t, pool, "address", []proto.Message{&addressv1.DocumentCancelled{}}).Journal
}

// A handler never gets a frame that was consumed before, in the same batch or later.
func TestProcessHandsOutAFrameOnce(t *testing.T) {
	t.Parallel()
	var seen []string
	e, consumer, _ := setup(t, func(events []Event[*intakev1.DocumentAccepted]) []Verdict {
		for _, event := range events {
			seen = append(seen, event.Subject)
		}
		return nil
	})
	frames := framesOf(t, "a", "b")
	require.NoError(t, e.process(t.Context(), consumer, append(frames, frames...), false))
	require.NoError(t, e.process(t.Context(), consumer, frames, false))
	require.Equal(t, []string{"a", "b"}, seen)
}

// A frame with broken bytes is parked whole and does not delay its batch.
func TestProcessParksAFrameItCannotDecode(t *testing.T) {
	t.Parallel()
	var seen int
	e, consumer, db := setup(t, func(events []Event[*intakev1.DocumentAccepted]) []Verdict { seen += len(events); return nil })
	broken := framesOf(t, "a")[0]
	broken.Body = append([]byte{0xff}, broken.Body...)
	require.NoError(t, e.process(t.Context(), consumer, append(framesOf(t, "b"), broken), false))
	require.Equal(t, 1, seen)
	var reason string
	require.NoError(t, db.App.QueryRow(t.Context(), `select reason from parked_event`).Scan(&reason))
	require.Equal(t, "frame_undecodable", reason)
}

// An event that stays deferred for a day is parked.
func TestDeferredForTooLongIsParked(t *testing.T) {
	t.Parallel()
	e, consumer, db := setup(t, func([]Event[*intakev1.DocumentAccepted]) []Verdict { return []Verdict{Defer("missing_record")} })
	require.NoError(t, e.process(t.Context(), consumer, framesOf(t, "a"), false))
	age := func(by string) {
		_, err := db.Owner.Exec(t.Context(), `update deferred_event set due_at = now(), deferred_at = now() - $1::interval`, by)
		require.NoError(t, err)
	}
	age("23 hours")
	handled, err := e.HandleDeferred(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, handled)
	var parked int
	require.NoError(t, db.App.QueryRow(t.Context(), `select count(*) from parked_event`).Scan(&parked))
	require.Zero(t, parked)
	behind := clock.NewFake(clock.System().Now().Add(-2 * time.Hour))
	for _, clocks := range []Deps{{Clock: clock.System(), Trusted: func() bool { return false }}, {Clock: behind, Trusted: trusted}} {
		age("25 hours")
		e.deps.Clock, e.deps.Trusted = clocks.Clock, clocks.Trusted
		_, err = e.HandleDeferred(t.Context())
		require.NoError(t, err)
		require.NoError(t, db.App.QueryRow(t.Context(), `select count(*) from parked_event`).Scan(&parked))
		require.Zero(t, parked, "by a clock that may not be believed, or that has not come so far")
	}
	age("25 hours")
	e.deps.Clock, e.deps.Trusted = clock.System(), trusted
	_, err = e.HandleDeferred(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.App.QueryRow(t.Context(), `select count(*) from parked_event where reason = 'deferred_too_long'`).Scan(&parked))
	require.Equal(t, 1, parked)
}

// An event is never parked because something is unavailable, however often it was tried: neither when the events of a frame are
// handled one by one after several deliveries, nor when a deferred event is tried again.
func TestUnavailableIsPutOffAndNeverParked(t *testing.T) {
	t.Parallel()
	away, calls := true, 0
	db := pgtest.New(t, "address", journal.Migrations(), Migrations())
	consumer := Consumer{Purpose: "accepted", From: "intake", Handlers: []Handler{
		On(func(context.Context, *journal.Tx, []Event[*intakev1.DocumentAccepted]) ([]Verdict, error) {
			if calls++; away {
				return nil, fmt.Errorf("open recipient: %w", fault.New(fault.Unavailable, "address", nil, "the key cannot be had now"))
			}
			return nil, nil
		}),
	}}
	e, err := New(Deps{Unit: "address", Journal: openJournal(t, db.App), Clock: clock.System(), Trusted: trusted, Consumers: []Consumer{consumer}, Log: slog.New(slog.DiscardHandler),
		Tracer: tracenoop.NewTracerProvider().Tracer(""), Meter: metricnoop.NewMeterProvider().Meter("")})
	require.NoError(t, err)
	backlog := func(deferred, parked int64) {
		t.Helper()
		b, err := ReadBacklog(t.Context(), db.App)
		require.NoError(t, err)
		require.Equal(t, []int64{deferred, parked}, []int64{b.Deferred, b.Parked})
	}
	require.Error(t, e.process(t.Context(), consumer, framesOf(t, "a"), false), "the frame is given back")
	backlog(0, 0)
	require.NoError(t, e.process(t.Context(), consumer, framesOf(t, "a"), true))
	backlog(1, 0)
	due := func() {
		t.Helper()
		_, err := db.Owner.Exec(t.Context(), `update deferred_event set due_at = now()`)
		require.NoError(t, err)
		handled, err := e.HandleDeferred(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, handled)
	}
	due()
	backlog(1, 0)
	away = false
	due()
	backlog(0, 0)
	require.Equal(t, 4, calls)
}

// Both deferred events handled in one transaction and events handled one by one after several deliveries lock the rows of their
// subjects in the order of the subjects. So a transaction that locks the first and then wants the last of them never deadlocks.
func TestEventsOneByOneLockInOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, e *Engine, c Consumer) error
	}{
		{"deferred events", func(t *testing.T, e *Engine, _ Consumer) error {
			t.Helper()
			_, err := e.HandleDeferred(t.Context())
			return err
		}},
		{"a suspect frame", func(t *testing.T, e *Engine, c Consumer) error {
			t.Helper()
			return e.process(t.Context(), c, framesOf(t, "b", "a"), true)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, "address", journal.Migrations(), Migrations())
			_, err := db.Owner.Exec(t.Context(), `create table told (subject text primary key); insert into told values ('a'), ('b'); grant all on told to public`)
			require.NoError(t, err)
			away := true
			var deadlocks atomic.Int32
			consumer := Consumer{Purpose: "accepted", From: "intake", Handlers: []Handler{
				On(func(ctx context.Context, tx *journal.Tx, events []Event[*intakev1.DocumentAccepted]) ([]Verdict, error) {
					verdicts := make([]Verdict, len(events))
					for i, event := range events {
						if away {
							verdicts[i] = Defer("away")
							continue
						}
						if _, err := tx.Exec(ctx, `select from told where subject = $1 for update`, event.Subject); err != nil {
							if pg.SQLState(err) == "40P01" { // counted here because the engine tries again and hides it
								deadlocks.Add(1)
							}
							return nil, err
						}
					}
					return verdicts, nil
				}),
			}}
			e, err := New(Deps{Unit: "address", Journal: openJournal(t, db.App), Clock: clock.System(), Trusted: trusted, Consumers: []Consumer{consumer}, Log: slog.New(slog.DiscardHandler),
				Tracer: tracenoop.NewTracerProvider().Tracer(""), Meter: metricnoop.NewMeterProvider().Meter("")})
			require.NoError(t, err)
			require.NoError(t, e.process(t.Context(), consumer, framesOf(t, "b", "a"), false))
			_, err = db.Owner.Exec(t.Context(), `update deferred_event set due_at = now() - case subject when 'b' then interval '2 s' else interval '1 s' end`)
			require.NoError(t, err)
			away = false

			other, err := db.Owner.Begin(t.Context())
			require.NoError(t, err)
			defer func() { _ = other.Rollback(t.Context()) }()
			lock := func(subject string) {
				_, err := other.Exec(t.Context(), `select from told where subject = $1 for update`, subject)
				require.NoError(t, err)
			}
			lock("a")
			ended := make(chan error, 1)
			go func() { ended <- test.run(t, e, consumer) }()
			await.Require(t, 10*time.Second, func() bool {
				var waiting int
				err := db.Owner.QueryRow(t.Context(), `
					select count(*) from pg_locks l join pg_stat_activity a using (pid) where a.datname = current_database() and not l.granted`).Scan(&waiting)
				return err == nil && waiting > 0
			})
			lock("b")
			require.NoError(t, other.Commit(t.Context()))
			require.NoError(t, <-ended)
			require.Zero(t, deadlocks.Load())
		})
	}
}

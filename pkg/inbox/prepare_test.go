package inbox

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// preparing is an engine with a pool of one connection. Its handler's first step needs that connection.
type preparing struct {
	*Engine
	consumer Consumer
	db       *pgtest.DB
	// fails holds the error of the first step by subject.
	fails map[string]error
	// verdict of the handler itself, after its first step.
	verdict Verdict
	handled []string
}

func newPreparing(t *testing.T) *preparing {
	t.Helper()
	p := &preparing{db: pgtest.New(t, "address", journal.Migrations(), Migrations()), fails: map[string]error{}}
	pool, err := pg.Open(t.Context(), pg.Options{URL: p.db.AppURL, Schema: "address", MaxConns: 1})
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	p.consumer = Consumer{Purpose: "accepted", From: "intake", Handlers: []Handler{OnPrepared(
		func(ctx context.Context, e Event[*intakev1.DocumentAccepted]) (string, error) {
			if _, err := pool.Exec(ctx, `select`); err != nil {
				return "", err
			}
			return "prepared " + e.Subject, p.fails[e.Subject]
		},
		func(_ context.Context, _ *journal.Tx, events []Event[*intakev1.DocumentAccepted], prepared []string) ([]Verdict, error) {
			verdicts := make([]Verdict, len(events))
			for i, e := range events {
				if prepared[i] != "prepared "+e.Subject {
					return nil, errors.New("another event's preparation")
				}
				p.handled = append(p.handled, e.Subject)
				verdicts[i] = p.verdict
			}
			return verdicts, nil
		},
	)}}
	p.Engine, err = New(Deps{Unit: "address", Journal: openJournal(t, pool), Clock: clock.System(), Trusted: trusted, Consumers: []Consumer{p.consumer}, Log: slog.New(slog.DiscardHandler),
		Tracer: tracenoop.NewTracerProvider().Tracer(""), Meter: metricnoop.NewMeterProvider().Meter("")})
	require.NoError(t, err)
	return p
}

func (p *preparing) requireBacklog(t *testing.T, deferred, parked int64) {
	t.Helper()
	b, err := ReadBacklog(t.Context(), p.db.App)
	require.NoError(t, err)
	require.Equal(t, []int64{deferred, parked}, []int64{b.Deferred, b.Parked})
}

func (p *preparing) retry(t *testing.T) {
	t.Helper()
	_, err := p.db.Owner.Exec(t.Context(), `update deferred_event set due_at = now()`)
	require.NoError(t, err)
	_, err = p.HandleDeferred(t.Context())
	require.NoError(t, err)
}

// The first step runs before the transaction takes the connection, wherever an event comes from: a frame, the deferred events or
// the parked ones.
func TestPreparationComesBeforeTheTransaction(t *testing.T) {
	t.Parallel()
	p := newPreparing(t)
	frames := framesOf(t, "a", "b")
	require.NoError(t, p.process(t.Context(), p.consumer, frames, false))
	require.NoError(t, p.process(t.Context(), p.consumer, frames, false))
	require.Equal(t, []string{"a", "b"}, p.handled)

	p.handled, p.verdict = nil, Defer("missing_record")
	require.NoError(t, p.process(t.Context(), p.consumer, framesOf(t, "c"), false))
	p.verdict = Park("malformed")
	p.retry(t)
	p.requireBacklog(t, 0, 1)
	p.verdict = Done
	parked, err := ListParked(t.Context(), p.db.App, false, time.Time{}, uuid.Nil, 10)
	require.NoError(t, err)
	settled, err := p.Replay(t.Context(), parked[0].ID)
	require.NoError(t, err)
	require.True(t, settled)
	p.requireBacklog(t, 0, 0)
	require.Equal(t, []string{"c", "c", "c"}, p.handled)
}

// If the first step fails for an event, the batch is redelivered. Handled one by one, the event is deferred or parked as if its
// handler had failed.
func TestPreparationFails(t *testing.T) {
	t.Parallel()
	p := newPreparing(t)
	p.fails["a"] = fault.New(fault.Unavailable, "address", nil, "the key cannot be had now")
	p.fails["b"] = errors.New("never")
	broken, err := frame.Cut(frame.KindOf(&intakev1.DocumentAccepted{}), platformv1.Lane_LANE_EXPRESS, [][]byte{brokenEvent(t)})
	require.NoError(t, err)
	broken[0] = broken[0].At(frame.NewCommit(), 1)
	require.NoError(t, p.process(t.Context(), p.consumer, broken, false))
	p.requireBacklog(t, 0, 1)
	frames := framesOf(t, "a", "b", "c")
	require.Error(t, p.process(t.Context(), p.consumer, frames, false), "what is away now holds the batch up")
	require.Empty(t, p.handled)
	require.NoError(t, p.process(t.Context(), p.consumer, frames, true))
	require.Equal(t, []string{"c"}, p.handled)
	p.requireBacklog(t, 1, 2)
	p.retry(t)
	p.requireBacklog(t, 1, 2)
	delete(p.fails, "a")
	p.retry(t)
	p.requireBacklog(t, 0, 2)
	require.Equal(t, []string{"c", "a"}, p.handled)
}

// brokenEvent returns an event whose payload cannot be decoded, so it is parked at once.
func brokenEvent(t *testing.T) []byte {
	t.Helper()
	encoded, err := frame.EncodeEvent(&platformv1.Event{Subject: "x", Ordinal: 1, Payload: []byte{0xff}})
	require.NoError(t, err)
	return encoded
}

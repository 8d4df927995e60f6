package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/work"
)

// Ack says that the server holds a frame.
type Ack struct {
	// Sequence of the frame in its stream. For a duplicate it is the sequence of the first.
	Sequence uint64
	Err      error
}

// FramePublisher publishes frames with the tags of their readers; *bus.Conn does. Publish MUST NOT wait for the acknowledgement,
// which comes once over the channel.
type FramePublisher interface {
	Publish(ctx context.Context, f frame.Frame, tags map[string][]byte) (<-chan Ack, error)
	// Stream looks at the unit's stream. The error is ErrNoStream where there is none.
	Stream(ctx context.Context, unit string) (Stream, error)
}

// Timing of the publisher. A frame that is not marked as published within sweepAge may be published by any replica.
const (
	sweepInterval = time.Second
	sweepAge      = 2 * time.Second
	leaseTime     = 30 * time.Second
	ackWait       = 5 * time.Second
	// fullRetry is when a caller that was refused for a full backlog may come again.
	fullRetry  = 10 * time.Second
	sweepBatch = 200
	markBatch  = 200
	// backlogShown is where the gauge of pending frames stops counting.
	backlogShown = 10_000
	// DefaultBacklog is how many public frames of a unit wait for the bus before it states no more: at ten a second, which is
	// what a relay of some size states, nearly three hours.
	DefaultBacklog = 100_000
)

// Publisher brings public frames to JetStream and marks the acknowledged ones in groups.
type Publisher struct {
	deps    PublisherDeps
	readers map[frame.Kind][]string

	fresh   chan Sealed
	pending chan waiting
	// turns is rung when a paced frame was committed.
	turns work.Bell

	// stream tells by the time it was made which stream was looked at last.
	stream time.Time
	// full: as many frames wait as may.
	full atomic.Bool

	failures, published, again metric.Int64Counter
	refusal                    refusal
}

// PublisherDeps of a publisher; all are required.
type PublisherDeps struct {
	Unit  string
	DB    *pgxpool.Pool
	Keys  *Keys
	Clock clock.Clock
	Bus   FramePublisher
	Log   *slog.Logger
	Meter metric.Meter
	// Rules of the kinds the unit states.
	Rules map[frame.Kind]Rule
	// EventsPerSecond of paced kinds; 0 is unlimited.
	EventsPerSecond int
	// Backlog is how many public frames may wait for the bus; 0 means DefaultBacklog.
	Backlog int
}

type waiting struct {
	id  uuid.UUID
	ack <-chan Ack
}

// NewPublisher makes the publisher of one unit. Its queue is bounded; frames that do not fit are left to the sweep.
func NewPublisher(deps PublisherDeps) (*Publisher, error) {
	if deps.Backlog == 0 {
		deps.Backlog = DefaultBacklog
	}
	p := &Publisher{deps: deps, readers: map[frame.Kind][]string{}, fresh: make(chan Sealed, 256), pending: make(chan waiting, 1024), turns: work.NewBell()}
	for kind, rule := range deps.Rules {
		p.readers[kind] = rule.Readers
	}
	made := telemetry.NewInstruments(deps.Meter)
	p.refusal = newRefusal(made, deps.Log)
	p.failures = made.Counter("naru.journal.publish.failures", "", "Publishes that JetStream did not acknowledge; the sweep tries them again.")
	p.published = made.Counter("naru.journal.published.frames", "", "Frames acknowledged by JetStream.")
	p.again = made.Counter("naru.journal.again.frames", "", "Frames published again because their stream had lost them.")
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		waiting, err := unpublished(ctx, deps.DB, backlogShown)
		return []float64{float64(waiting)}, err
	}, telemetry.Gauge{Name: "naru.journal.unpublished.frames", About: "Public frames committed and not yet acknowledged, counted up to 10,000."})
	return p, made.Err()
}

// unpublished counts the public frames not yet acknowledged, up to a bound.
func unpublished(ctx context.Context, db pg.DBTX, bound int) (int64, error) {
	const count = `
		select count(*)
		from   (select from journal_mark where published_at is null and lane > 0 and refused is null limit $1) m`
	return pg.Value[int64](ctx, db, "count unpublished frames", count, bound)
}

// Full tells that as many frames wait for the bus as may. It is looked at each second, so a few more come to wait.
func (p *Publisher) Full() error {
	if !p.full.Load() {
		return nil
	}
	return fault.New(fault.Unavailable, p.deps.Unit, fault.Word("BACKLOG_FULL"),
		"too much of what was stated here waits for the bus; nothing more is taken until there is room", fault.WithRetryAfter(fullRetry))
}

// countBacklog looks whether there is room for more.
func (p *Publisher) countBacklog(ctx context.Context) error {
	waiting, err := unpublished(ctx, p.deps.DB, p.deps.Backlog)
	if err != nil {
		return err
	}
	full := waiting >= int64(p.deps.Backlog)
	switch before := p.full.Swap(full); {
	case full && !before:
		p.deps.Log.LogAttrs(ctx, slog.LevelError, "the backlog is full, nothing more is stated", slog.Int64("frames", waiting))
	case before && !full:
		p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "the backlog has room again", slog.Int64("frames", waiting))
	}
	return nil
}

// Committed takes frames right after their commit. It never blocks.
func (p *Publisher) Committed(frames []Sealed) {
	for _, f := range frames {
		switch {
		case f.Lane == 0:
		case f.turn != "":
			p.turns.Ring()
		default:
			select {
			case p.fresh <- f:
			default:
				return // the sweep publishes them
			}
		}
	}
}

// Tasks run the publisher until their context ends. Frames that are unmarked then are swept by the next process.
func (p *Publisher) Tasks() []lifecycle.Task {
	return []lifecycle.Task{
		{Name: "journal-mark", Run: p.mark},
		{Name: "journal-publish", Run: p.publishFresh},
		{Name: "journal-turns", Run: p.takeTurns},
		lifecycle.Every("journal-sweep", sweepInterval, func(ctx context.Context) {
			if err := errors.Join(p.countBacklog(ctx), p.compareStream(ctx), p.sweep(ctx)); err != nil && ctx.Err() == nil {
				p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "sweep of the journal did not finish", slog.Any("error", err))
			}
		}),
	}
}

func (p *Publisher) publishFresh(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-p.fresh:
			// If the process paused before its commit, the frame is left to the sweep, which publishes only frames with a leaf.
			if p.deps.Clock.Now().Sub(f.RecordedAt) <= window {
				p.publish(ctx, f)
			}
		}
	}
}

func (p *Publisher) publish(ctx context.Context, f Sealed) {
	tags, err := p.deps.Keys.Tags(ctx, f.Header, p.readers[f.Kind])
	var ack <-chan Ack
	if err == nil {
		ack, err = p.deps.Bus.Publish(ctx, f.Frame, tags)
	}
	if err != nil {
		p.failures.Add(ctx, 1)
		p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "frame was not published, the sweep will", slog.String("frame_id", f.ID.String()),
			slog.String("kind", string(f.Kind)), slog.Any("error", err))
		return
	}
	select {
	case p.pending <- waiting{f.ID, ack}:
	case <-ctx.Done():
	}
}

// mark waits for acknowledgements in the order of publishing and writes them down in groups: it waits for the first of a group
// and takes the others that have already come.
func (p *Publisher) mark(ctx context.Context) error {
	for {
		var ids []uuid.UUID
		var sequences []int64
		select {
		case <-ctx.Done():
			return ctx.Err()
		case first := <-p.pending:
			p.settle(ctx, first, &ids, &sequences)
		}
		for more := true; more && len(ids) < markBatch; {
			select {
			case next := <-p.pending:
				p.settle(ctx, next, &ids, &sequences)
			default:
				more = false
			}
		}
		if len(ids) == 0 {
			continue
		}
		if err := markPublished(ctx, p.deps.DB, ids, sequences); err != nil && ctx.Err() == nil {
			p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "published frames were not marked, the sweep will send them again",
				slog.Int("frames", len(ids)), slog.Any("error", err))
			continue
		}
		p.published.Add(ctx, int64(len(ids)))
	}
}

func (p *Publisher) settle(ctx context.Context, w waiting, ids *[]uuid.UUID, sequences *[]int64) {
	timer := time.NewTimer(ackWait)
	defer timer.Stop()
	var failure error
	select {
	case <-ctx.Done():
		return
	case <-timer.C:
		failure = errors.New("no acknowledgement in time")
	case ack := <-w.ack:
		if ack.Err == nil {
			*ids = append(*ids, w.id)
			*sequences = append(*sequences, int64(ack.Sequence))
			return
		}
		failure = ack.Err
	}
	p.failures.Add(ctx, 1)
	p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "frame was not acknowledged, the sweep will publish it again",
		slog.String("frame_id", w.id.String()), slog.Any("error", failure))
}

func markPublished(ctx context.Context, db *pgxpool.Pool, ids []uuid.UUID, sequences []int64) error {
	// Two replicas mark the same frame only after a sweep. If they deadlock over two frames, the frames of the one that is rolled
	// back are swept once more.
	const mark = `
		update journal_mark m
		set    published_at = now(), stream_seq = a.seq, lease_until = null
		from   (select frame_id, max(seq) as seq from unnest($1::uuid[], $2::bigint[]) u(frame_id, seq) group by frame_id) a
		where  m.frame_id = a.frame_id and m.published_at is null`
	return pg.Exec(ctx, db, fmt.Sprintf("mark %d published frames", len(ids)), mark, ids, sequences)
}

// sweep publishes frames that their own process did not: after a crash, a full queue or a lost acknowledgement. It takes only
// frames with a leaf, so it never publishes a frame with a wrong time or one that somebody else wrote.
func (p *Publisher) sweep(ctx context.Context) error {
	const pick = `
		select frame_id
		from   journal_mark
		where  published_at is null and lane > 0 and turn is null and refused is null and leaf is not null
		  and  frame_id < $3 and (lease_until is null or lease_until < now())
		order  by frame_id
		limit  $1
		for update skip locked`
	for more := true; more; {
		now, err := pg.Value[time.Time](ctx, p.deps.DB, "read database time", `select now()`)
		if err != nil {
			return err
		}
		frames, err := p.claim(ctx, sweepBatch, pick, firstIDAt(now.Add(-sweepAge)))
		if err != nil {
			return err
		}
		p.publishChecked(ctx, frames)
		more = len(frames) == sweepBatch
	}
	return nil
}

// Waits are the columns by which frames wait for who publishes them.
func Waits() []work.Wait {
	return []work.Wait{{Table: "journal_mark", Column: "lease_until", Where: "published_at is null and lane > 0 and refused is null", Longest: leaseTime}}
}

// claim leases the frames that the query pick selects; $1 in it is the limit, its own parameters begin with $3.
func (p *Publisher) claim(ctx context.Context, limit int, pick string, args ...any) ([]Sealed, error) {
	sql := `
		with due as materialized (` + pick + `),
		leased as (
		  update journal_mark m
		  set    lease_until = now() + $2::interval
		  from   due
		  where  m.frame_id = due.frame_id
		  returning m.frame_id, coalesce(m.turn, '') as turn)
		select leased.turn, ` + frameColumns + `
		from   journal j
		join   leased using (frame_id)
		order  by j.frame_id`
	return pg.All(ctx, p.deps.DB, "claim unpublished frames", func(row pgx.CollectableRow) (Sealed, error) {
		var turn string
		f, err := scanFrame(p.deps.Unit, &turn)(row)
		f.turn = turn
		return f, err
	}, sql, append([]any{limit, leaseTime}, args...)...)
}

// publishChecked publishes frames read from the table. It checks them first, because somebody else may have written them.
func (p *Publisher) publishChecked(ctx context.Context, frames []Sealed) {
	for _, f := range frames {
		err := p.deps.Keys.Check(ctx, f.Header, f.MAC)
		switch {
		case err == nil:
			p.publish(ctx, f)
		case errors.Is(err, ErrForged):
			if err := p.refusal.of(ctx, p.deps.DB, f); err != nil && ctx.Err() == nil {
				p.deps.Log.LogAttrs(ctx, slog.LevelWarn, "refused frame was not marked", slog.Any("error", err))
			}
		default:
			p.deps.Log.LogAttrs(ctx, slog.LevelError, "frame is not published, its key is not to be had", slog.String("frame_id", f.ID.String()), slog.Any("error", err))
		}
	}
}

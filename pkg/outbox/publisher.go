package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/lifecycle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Ack is the server's word that it holds a frame.
type Ack struct {
	// Sequence of the frame in its stream. A duplicate is answered with the sequence of the first.
	Sequence uint64
	Err      error
}

// Sender publishes frames. Publish MUST NOT block for the acknowledgement; the answer comes once on the channel.
type Sender interface {
	Publish(ctx context.Context, f frame.Frame) (<-chan Ack, error)
}

// Timing of the publisher. A frame that its own process has not marked within sweepAge is taken over by any replica.
const (
	sweepInterval = time.Second
	sweepAge      = 2 * time.Second
	leaseTime     = 30 * time.Second
	ackWait       = 5 * time.Second
	sweepBatch    = 200
	markBatch     = 200
)

// Publisher brings committed frames to JetStream and marks the acknowledged ones in groups.
type Publisher struct {
	db     *pgxpool.Pool
	sender Sender
	log    *slog.Logger

	fresh   chan frame.Frame
	pending chan waiting

	failures  metric.Int64Counter
	published metric.Int64Counter
}

type waiting struct {
	id  uuid.UUID
	ack <-chan Ack
}

// NewPublisher makes the publisher of one unit. Its queue is bounded: what does not fit is left to the sweep.
func NewPublisher(db *pgxpool.Pool, sender Sender, log *slog.Logger, meter metric.Meter) (*Publisher, error) {
	p := &Publisher{db: db, sender: sender, log: log, fresh: make(chan frame.Frame, 1024), pending: make(chan waiting, 1024)}
	var err1, err2, err3, err4 error
	p.failures, err1 = meter.Int64Counter("naru.outbox.publish.failures", metric.WithDescription("Publishes that JetStream did not acknowledge; the sweep tries them again."))
	p.published, err2 = meter.Int64Counter("naru.outbox.published.frames", metric.WithDescription("Frames acknowledged by JetStream."))
	_, err3 = meter.Int64ObservableGauge("naru.outbox.pending.frames", metric.WithDescription("Frames committed and not yet acknowledged."),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			pending, _, err := Backlog(ctx, db)
			o.Observe(pending)
			return err
		}))
	_, err4 = meter.Float64ObservableGauge("naru.outbox.oldest.age.seconds", metric.WithDescription("Age of the oldest frame not yet acknowledged."),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			_, age, err := Backlog(ctx, db)
			o.Observe(age.Seconds())
			return err
		}))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, fmt.Errorf("make outbox instruments: %w", err)
	}
	return p, nil
}

// Committed takes frames right after their commit. It never blocks.
func (p *Publisher) Committed(frames []frame.Frame) {
	for _, f := range frames {
		select {
		case p.fresh <- f:
		default:
			return
		}
	}
}

// Tasks run the publisher. They end with their context; what is unmarked then is swept by the next process.
func (p *Publisher) Tasks() []lifecycle.Task {
	return []lifecycle.Task{
		{Name: "outbox-mark", Run: p.mark},
		{Name: "outbox-publish", Run: p.publishFresh},
		lifecycle.Every("outbox-sweep", sweepInterval, func(ctx context.Context) {
			if err := p.sweep(ctx); err != nil && ctx.Err() == nil {
				p.log.LogAttrs(ctx, slog.LevelWarn, "outbox sweep did not finish", slog.Any("error", err))
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
			p.publish(ctx, f)
		}
	}
}

func (p *Publisher) publish(ctx context.Context, f frame.Frame) {
	ack, err := p.sender.Publish(ctx, f)
	if err != nil {
		p.failures.Add(ctx, 1)
		p.log.LogAttrs(ctx, slog.LevelWarn, "frame was not published, the sweep will", slog.String("frame_id", f.ID.String()),
			slog.String("kind", string(f.Kind)), slog.Any("error", err))
		return
	}
	select {
	case p.pending <- waiting{f.ID, ack}:
	case <-ctx.Done():
	}
}

// mark waits for acknowledgements in the order of publishing and writes down groups of them: the first of a group is waited for,
// the rest taken as far as they are there.
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
		if err := markPublished(ctx, p.db, ids, sequences); err != nil && ctx.Err() == nil {
			p.log.LogAttrs(ctx, slog.LevelWarn, "published frames were not marked, the sweep will send them again",
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
	p.log.LogAttrs(ctx, slog.LevelWarn, "frame was not acknowledged, the sweep will publish it again",
		slog.String("frame_id", w.id.String()), slog.Any("error", failure))
}

// sweep publishes what its own process did not: after a crash, a full queue or a lost acknowledgement.
func (p *Publisher) sweep(ctx context.Context) error {
	for more := true; more; {
		frames, err := claimUnpublished(ctx, p.db)
		if err != nil {
			return err
		}
		for _, f := range frames {
			p.publish(ctx, f)
		}
		more = len(frames) == sweepBatch
	}
	return nil
}

func claimUnpublished(ctx context.Context, db *pgxpool.Pool) ([]frame.Frame, error) {
	// The age is that of the frame id: UUIDv7 begins with the milliseconds of its making.
	const claim = `
		with due as (
		  select frame_id
		  from   outbox
		  where  published_at is null and frame_id < $1
		    and  (lease_until is null or lease_until < now())
		  order  by frame_id
		  limit  $2
		  for update skip locked)
		update outbox o
		set    lease_until = now() + $3::interval
		from   due
		where  o.frame_id = due.frame_id
		returning o.frame_id, o.kind, o.lane, o.events, o.frame`
	var cutoff time.Time
	if err := db.QueryRow(ctx, `select now()`).Scan(&cutoff); err != nil {
		return nil, fmt.Errorf("read database time: %w", err)
	}
	rows, err := db.Query(ctx, claim, firstIDAt(cutoff.Add(-sweepAge)), sweepBatch, leaseTime)
	if err != nil {
		return nil, fmt.Errorf("claim unpublished frames: %w", err)
	}
	frames, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (frame.Frame, error) {
		var f frame.Frame
		var lane int16
		err := row.Scan(&f.ID, &f.Kind, &lane, &f.Count, &f.Bytes)
		f.Lane = platformv1.Lane(lane)
		return f, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim unpublished frames: %w", err)
	}
	return frames, nil
}

// firstIDAt is the smallest UUIDv7 of a millisecond.
func firstIDAt(at time.Time) uuid.UUID {
	var first uuid.UUID
	ms := at.UnixMilli()
	for i := range 6 {
		first[i] = byte(ms >> (8 * (5 - i)))
	}
	first[6], first[8] = 0x70, 0x80
	return first
}

func markPublished(ctx context.Context, db *pgxpool.Pool, ids []uuid.UUID, sequences []int64) error {
	// Two replicas mark the same frame only after a sweep; should they deadlock over two of them, the loser's are swept once more.
	const mark = `
		update outbox o
		set    published_at = now(), stream_seq = a.seq, lease_until = null
		from   (select frame_id, max(seq) as seq from unnest($1::uuid[], $2::bigint[]) u(frame_id, seq) group by frame_id) a
		where  o.frame_id = a.frame_id and o.published_at is null`
	if _, err := db.Exec(ctx, mark, ids, sequences); err != nil {
		return fmt.Errorf("mark %d published frames: %w", len(ids), err)
	}
	return nil
}

// Backlog counts the frames not yet acknowledged and tells the age of the oldest.
func Backlog(ctx context.Context, db *pgxpool.Pool) (frames int64, oldest time.Duration, err error) {
	const backlog = `
		select count(*), coalesce(extract(epoch from now()) * 1000 - ('x' || replace(left(min(frame_id::text), 13), '-', ''))::bit(48)::bigint, 0)::bigint
		from   outbox
		where  published_at is null`
	var ms int64
	if err := db.QueryRow(ctx, backlog).Scan(&frames, &ms); err != nil {
		return 0, 0, fmt.Errorf("count the outbox backlog: %w", err)
	}
	return frames, max(0, time.Duration(ms)*time.Millisecond), nil
}

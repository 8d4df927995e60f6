// Package outbox commits facts and state together, and brings the facts to JetStream.
//
// A unit changes its state only inside Outbox.InTx. Events appended there are cut into frames and stored in the same transaction;
// the process that committed a frame publishes it at once from memory, and any replica sweeps frames that stay unpublished for two
// seconds. Publishing twice is harmless: the frame's id is the message id, and consumers keep the ids they have consumed.
package outbox

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the outbox table in a unit's schema. A day's partition is dropped three days after its end, and only when
// every frame of it is published.
func Migrations() pg.Source {
	return pg.Source{Name: "outbox", FS: migrations, Partitions: []pg.Partition{{
		Table: "outbox", Kind: pg.ByDayUUIDv7,
		Retain: pg.Retain{Days: 3}, Guard: "select not exists (select from ${partition} where published_at is null)",
	}}}
}

// Event is a fact to be stated. Its identity is (Subject, kind of Message, Ordinal).
type Event struct {
	Subject string
	// Ordinal is 1 where 0 is given.
	Ordinal       uint32
	Sender, Actor string
	OccurredAt    time.Time
	// Causation is the id of the frame this answers, empty for what a caller began.
	Causation string
	// Traceparent, where empty, is taken from the context's span if that is sampled.
	Traceparent string
	Message     proto.Message
}

// Outbox is a unit's way to change its state and to state facts.
type Outbox struct {
	db        *pgxpool.Pool
	committed func([]frame.Frame)
}

// New makes an outbox; committed is told of frames right after their commit and MUST NOT block.
func New(db *pgxpool.Pool, committed func([]frame.Frame)) *Outbox {
	return &Outbox{db: db, committed: committed}
}

// DB is the pool the transactions run on, for reads outside of transactions.
func (o *Outbox) DB() *pgxpool.Pool { return o.db }

// InTx runs fn in a READ COMMITTED transaction, commits it, and publishes the frames appended in it. Serialization failures and
// deadlocks are retried, so fn MUST be re-runnable.
func (o *Outbox) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	var done *Tx
	err := pg.InTx(ctx, o.db, func(tx pgx.Tx) error {
		done = &Tx{Tx: tx}
		return fn(done)
	})
	if err != nil {
		return err
	}
	o.Committed(done.frames...)
	for _, tell := range done.committed {
		tell()
	}
	return nil
}

// Committed hands over frames whose rows a statement of the unit's own has committed.
func (o *Outbox) Committed(frames ...frame.Frame) {
	if len(frames) > 0 && o.committed != nil {
		o.committed(frames)
	}
}

// Tx is a transaction that can state facts.
type Tx struct {
	pgx.Tx
	frames    []frame.Frame
	committed []func()
}

// OnCommit has tell called right after the commit, e.g. to wake a worker that looks for what was committed. It MUST NOT block, and
// nothing may depend on it: a process that stops in between never calls it.
func (tx *Tx) OnCommit(tell func()) { tx.committed = append(tx.committed, tell) }

// Append states events of one kind in this transaction.
func (tx *Tx) Append(ctx context.Context, lane platformv1.Lane, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	kind := frame.KindOf(events[0].Message)
	encoded := make([][]byte, len(events))
	for i, event := range events {
		if k := frame.KindOf(event.Message); k != kind {
			return fmt.Errorf("append events: %s beside %s in one call", k, kind)
		}
		one, err := Encode(ctx, event)
		if err != nil {
			return fmt.Errorf("append %s of %s: %w", kind, event.Subject, err)
		}
		encoded[i] = one
	}
	frames := frame.Cut(kind, lane, encoded)
	if err := insertFrames(ctx, tx.Tx, frames); err != nil {
		return err
	}
	tx.frames = append(tx.frames, frames...)
	return nil
}

// AppendByLane states events of one kind, each in the lane that laneOf tells.
func AppendByLane(ctx context.Context, tx *Tx, events []Event, laneOf func(i int) platformv1.Lane) error {
	for _, lane := range frame.Lanes() {
		var of []Event
		for i, event := range events {
			if (laneOf(i) == platformv1.Lane_LANE_BULK) == (lane == platformv1.Lane_LANE_BULK) {
				of = append(of, event)
			}
		}
		if err := tx.Append(ctx, lane, of...); err != nil {
			return err
		}
	}
	return nil
}

// Encode encodes an event as a frame of one, for statements that build the outbox row themselves.
func Encode(ctx context.Context, event Event) ([]byte, error) {
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(event.Message)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	traceparent := event.Traceparent
	if traceparent == "" {
		traceparent = Traceparent(ctx)
	}
	return frame.EncodeEvent(&platformv1.Event{
		Subject: event.Subject, Ordinal: max(event.Ordinal, 1), Sender: event.Sender, Actor: event.Actor,
		OccurredAt: timestamppb.New(event.OccurredAt), Causation: event.Causation, Traceparent: traceparent, Payload: payload,
	})
}

// Traceparent is the W3C form of the context's span, empty when it is not sampled.
func Traceparent(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() || !span.IsSampled() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%s", span.TraceID(), span.SpanID(), span.TraceFlags())
}

func insertFrames(ctx context.Context, db pg.DBTX, frames []frame.Frame) error {
	const insert = `
		insert into outbox (frame_id, kind, lane, events, frame)
		select * from unnest($1::uuid[], $2::text[], $3::smallint[], $4::integer[], $5::bytea[])`
	var ids []uuid.UUID
	var kinds []string
	var lanes []int16
	var counts []int32
	var bodies [][]byte
	for _, f := range frames {
		ids = append(ids, f.ID)
		kinds = append(kinds, string(f.Kind))
		lanes = append(lanes, LaneNumber(f.Lane))
		counts = append(counts, int32(f.Count))
		bodies = append(bodies, f.Bytes)
	}
	if _, err := db.Exec(ctx, insert, ids, kinds, lanes, counts, bodies); err != nil {
		return fmt.Errorf("insert %d frames of %s: %w", len(frames), frames[0].Kind, err)
	}
	return nil
}

// LaneNumber is how the outbox table writes a lane: unspecified counts as express.
func LaneNumber(lane platformv1.Lane) int16 {
	if lane == platformv1.Lane_LANE_BULK {
		return 2
	}
	return 1
}

// Savepoint runs fn so that its failure undoes only what fn did, frames included.
func (tx *Tx) Savepoint(ctx context.Context, fn func(tx *Tx) error) error {
	inner, err := tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin savepoint: %w", err)
	}
	nested := &Tx{Tx: inner}
	if err := fn(nested); err != nil {
		if rollbackErr := inner.Rollback(ctx); rollbackErr != nil {
			return fmt.Errorf("%w (and the savepoint was not rolled back: %w)", err, rollbackErr)
		}
		return err
	}
	if err := inner.Commit(ctx); err != nil {
		return fmt.Errorf("release savepoint: %w", err)
	}
	tx.frames = append(tx.frames, nested.frames...)
	tx.committed = append(tx.committed, nested.committed...)
	return nil
}

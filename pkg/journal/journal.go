package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Fact is what a unit states. Its identity is (Subject, kind of Message, Ordinal).
type Fact struct {
	Subject string
	// Ordinal is 1 where 0 is given.
	Ordinal       uint32
	Sender, Actor string
	OccurredAt    time.Time
	// Causation is the id of the frame this answers; empty for what a caller began.
	Causation string
	// Traceparent, if empty, is taken from the context's span when that is sampled.
	Traceparent string
	Message     proto.Message
}

// Journal is a unit's way to change its state and to state facts.
type Journal struct {
	deps  Deps
	rules map[frame.Kind]Rule
	paced map[frame.Kind]bool
}

// Deps of a journal; all are required but Paced, Committed, Barred and Full.
type Deps struct {
	Unit   string
	DB     *pgxpool.Pool
	Clock  clock.Clock
	Keys   *Keys
	States []proto.Message
	// Paced kinds wait, in the bulk lane, for their sender's turn.
	Paced []proto.Message
	// Policy is the version of the rules the unit decides by, e.g. "intake/1".
	Policy string
	// Publication says by which checkpoints facts are proved to others.
	Publication Publication
	// Committed is called with frames right after their commit and MUST NOT block.
	Committed func([]Sealed)
	// Barred tells why nothing may be stated now, but for the operator's act that ends it; nil while all may.
	Barred func() error
	// Full tells why nothing public may be stated now: too much waits for the bus. Nil while there is room.
	Full func() error
}

// Sealed is a frame as it stands in the journal.
type Sealed struct {
	frame.Frame
	MAC []byte
	// turn names the sender for whose turn a paced frame waits.
	turn string
}

// New makes the journal of a unit. It returns an error for a kind that does not say whether it is public.
func New(deps Deps) (*Journal, error) {
	stated := append([]proto.Message{&platformv1.ClockMeasured{}, &platformv1.FrameReleased{}, &platformv1.PublishedAgain{}, &platformv1.ParkedEventGivenUp{}, &platformv1.LogReopened{}, &platformv1.ReopeningWitnessed{},
		&platformv1.LegalHoldPlaced{}, &platformv1.LegalHoldReleased{}}, deps.States...)
	j := &Journal{deps: deps, rules: map[frame.Kind]Rule{}, paced: map[frame.Kind]bool{}}
	rules, err := Rules(deps.Unit, stated)
	if err != nil {
		return nil, fmt.Errorf("open journal of %s: %w", deps.Unit, err)
	}
	j.rules = rules
	for _, message := range deps.Paced {
		j.paced[frame.KindOf(message)] = true
	}
	return j, nil
}

// Rules of the kinds it states.
func (j *Journal) Rules() map[frame.Kind]Rule { return j.rules }

// DB is the pool the transactions run on, for reads outside of transactions.
func (j *Journal) DB() *pgxpool.Pool { return j.deps.DB }

// InTx runs fn in a READ COMMITTED transaction, writes what it stated, commits, and has it published. Serialization failures and
// deadlocks are retried, so fn MUST be re-runnable.
func (j *Journal) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	if j.deps.Barred != nil {
		if err := j.deps.Barred(); err != nil {
			return err
		}
	}
	return j.inTx(ctx, fn)
}

func (j *Journal) inTx(ctx context.Context, fn func(tx *Tx) error) error {
	var done *Tx
	err := pg.InTx(ctx, j.deps.DB, func(tx *pg.Tx) error {
		done = &Tx{Tx: tx, journal: j, commit: frame.NewCommit()}
		if err := fn(done); err != nil {
			return err
		}
		return done.write(ctx)
	})
	if err != nil {
		return err
	}
	if len(done.frames) > 0 && j.deps.Committed != nil {
		j.deps.Committed(done.frames)
	}
	for _, tell := range done.committed {
		tell()
	}
	return nil
}

// Tx is a transaction that can state facts.
type Tx struct {
	*pg.Tx
	journal   *Journal
	commit    uuid.UUID
	stated    []stated
	frames    []Sealed
	committed []func()
}

// stated are facts for the same frames, as far as the bounds allow.
type stated struct {
	kind    frame.Kind
	lane    platformv1.Lane
	turn    string
	encoded [][]byte
}

// CommitID is the id of this transaction; the rows it changes name it.
func (tx *Tx) CommitID() uuid.UUID { return tx.commit }

// OnCommit has tell called right after the commit, e.g. to wake a worker that looks for what was committed. It MUST NOT block,
// and nothing may depend on it: if the process ends in between, it is never called.
func (tx *Tx) OnCommit(tell func()) { tx.committed = append(tx.committed, tell) }

// State states facts; they are written with the transaction. Public facts travel in the lane. Private facts do not travel and
// have no lane.
func (tx *Tx) State(ctx context.Context, lane platformv1.Lane, facts ...Fact) error {
	for _, fact := range facts {
		if err := tx.state(ctx, lane, fact); err != nil {
			return fmt.Errorf("state %s of %s: %w", frame.KindOf(fact.Message), fact.Subject, err)
		}
	}
	return nil
}

// Record states private facts.
func (tx *Tx) Record(ctx context.Context, facts ...Fact) error {
	return tx.State(ctx, platformv1.Lane_LANE_UNSPECIFIED, facts...)
}

func (tx *Tx) state(ctx context.Context, lane platformv1.Lane, fact Fact) error {
	kind := frame.KindOf(fact.Message)
	rule, ok := tx.journal.rules[kind]
	if !ok {
		return fmt.Errorf("%s does not state facts of this kind", tx.journal.deps.Unit)
	}
	if rule.Public && tx.journal.deps.Full != nil {
		if err := tx.journal.deps.Full(); err != nil {
			return err
		}
	}
	var turn string
	switch {
	case !rule.Public:
		lane = platformv1.Lane_LANE_UNSPECIFIED
	case lane != platformv1.Lane_LANE_BULK:
		lane = platformv1.Lane_LANE_EXPRESS
	case tx.journal.paced[kind]:
		turn = fact.Sender
	}
	encoded, err := Encode(ctx, tx.journal.deps.Policy, fact)
	if err != nil {
		return err
	}
	tx.join(stated{kind: kind, lane: lane, turn: turn, encoded: [][]byte{encoded}})
	return nil
}

// Encode encodes a fact as it stands in a frame.
func Encode(ctx context.Context, policy string, fact Fact) ([]byte, error) {
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(fact.Message)
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	traceparent := fact.Traceparent
	if traceparent == "" {
		traceparent = Traceparent(ctx)
	}
	return frame.EncodeEvent(&platformv1.Event{
		Subject: fact.Subject, Ordinal: max(fact.Ordinal, 1), Sender: fact.Sender, Actor: fact.Actor, OccurredAt: timestamppb.New(clock.Canonical(fact.OccurredAt)),
		Causation: fact.Causation, Traceparent: traceparent, Policy: policy, Payload: payload,
	})
}

// write cuts and seals what was stated and has it written with the commit. It takes the time here, as late as possible.
func (tx *Tx) write(ctx context.Context) error {
	tx.frames = nil
	if len(tx.stated) == 0 {
		return nil
	}
	var turns []string
	var frames []frame.Frame
	for _, s := range tx.stated {
		cut, err := frame.Cut(s.kind, s.lane, s.encoded)
		if err != nil {
			return fmt.Errorf("cut frames of %s: %w", s.kind, err)
		}
		for range cut {
			turns = append(turns, s.turn)
		}
		frames = append(frames, cut...)
	}
	var err error
	if tx.frames, err = tx.journal.deps.Keys.Seal(ctx, tx.journal.deps.Unit, tx.commit, frames); err != nil {
		return err
	}
	for i := range tx.frames {
		tx.frames[i].turn = turns[i]
	}
	insertFrames(tx, tx.frames)
	return nil
}

// Savepoint runs fn so that its failure undoes only what fn did, facts included.
func (tx *Tx) Savepoint(ctx context.Context, fn func(tx *Tx) error) error {
	var nested *Tx
	err := tx.Tx.Savepoint(ctx, func(inner *pg.Tx) error {
		nested = &Tx{Tx: inner, journal: tx.journal, commit: tx.commit}
		return fn(nested)
	})
	if err != nil {
		return err
	}
	for _, s := range nested.stated {
		tx.join(s)
	}
	tx.committed = append(tx.committed, nested.committed...)
	return nil
}

// join puts facts together with those of the same kind, lane and turn.
func (tx *Tx) join(more stated) {
	for i := range tx.stated {
		if s := &tx.stated[i]; s.kind == more.kind && s.lane == more.lane && s.turn == more.turn {
			s.encoded = append(s.encoded, more.encoded...)
			return
		}
	}
	tx.stated = append(tx.stated, more)
}

// StateByLane states facts of one kind, each in the lane that laneOf tells.
func StateByLane(ctx context.Context, tx *Tx, facts []Fact, laneOf func(i int) platformv1.Lane) error {
	for i, fact := range facts {
		if err := tx.State(ctx, laneOf(i), fact); err != nil {
			return err
		}
	}
	return nil
}

// Traceparent is the W3C form of the context's span, empty when it is not sampled.
func Traceparent(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() || !span.IsSampled() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%s", span.TraceID(), span.SpanID(), span.TraceFlags())
}

// LaneNumber is how tables write a lane: unspecified counts as express.
func LaneNumber(lane platformv1.Lane) int16 {
	if lane == platformv1.Lane_LANE_BULK {
		return int16(platformv1.Lane_LANE_BULK)
	}
	return int16(platformv1.Lane_LANE_EXPRESS)
}

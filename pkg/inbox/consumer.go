// Package inbox consumes frames: the effect of a frame happens once in a unit's schema, however often it is delivered.
//
// A consumer takes everything that waits (up to 1,000 events or 512 KiB) into one transaction: first it writes the ids of the
// frames, then the handlers run their set-based writes, then the events they answer with are stated. After the commit the frames
// are acknowledged. Handlers see decoded events and a transaction and return verdicts; they never acknowledge. What needs a call
// or a connection of its own is done before the transaction (OnPrepared).
//
// The package promises one effect per frame in this schema. It promises nothing about order: a handler MUST also be idempotent by
// its natural key and MUST NOT rely on the order of events of different kinds or units.
//
// Handlers of several events MUST lock rows in the order of the subjects. When one transaction handles events one by one
// (deferred events, or a frame that is split after a failure), it keeps that order, too.
package inbox

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// consumedDays is the least time for which frame ids are kept. It is longer than frames may be published again
// (journal.Republished) and longer than streams keep them.
const consumedDays = 30

// Migrations makes the consumer tables in a unit's schema.
func Migrations() pg.Source {
	return pg.Source{Name: "inbox", FS: migrations, Partitions: []pg.Partition{{
		// A month is longer than the time in which frames are published again, so this month's partition and the one before hold
		// every id that can still come.
		Table: "consumed_frame", Kind: pg.ByMonthUUIDv7, Retain: pg.Retain{Days: consumedDays}, Guard: "select true",
	}}}
}

// Consumer reads the events of one producing unit for one purpose, in both lanes.
type Consumer struct {
	// Purpose names it in durable names and in consumed_frame: lower case, no dots.
	Purpose string
	// From is the producing unit.
	From     string
	Handlers []Handler
}

// Spec is the consumer's place in the bus topology.
func (c Consumer) Spec(unit string) bus.ConsumerSpec {
	spec := bus.ConsumerSpec{Unit: unit, Purpose: c.Purpose, From: c.From}
	for _, h := range c.Handlers {
		spec.Kinds = append(spec.Kinds, h.kind)
	}
	return spec
}

// Event is one decoded event.
type Event[M proto.Message] struct {
	FrameID       uuid.UUID
	Kind, Subject string
	Ordinal       uint32
	Sender, Actor string
	OccurredAt    time.Time
	Causation     string
	// Traceparent is passed on to the events that answer this one; empty when the trace is not sampled.
	Traceparent string
	Lane        platformv1.Lane
	Message     M
}

// Answer starts an event that answers e: same subject, sender and lane; e's frame is its cause and e's trace is continued.
func (e Event[M]) Answer(actor string, at time.Time, message proto.Message) journal.Fact {
	return journal.Fact{
		Subject: e.Subject, Sender: e.Sender, Actor: actor, OccurredAt: at,
		Causation: e.FrameID.String(), Traceparent: e.Traceparent, Message: message,
	}
}

// Handler handles the events of one kind.
type Handler struct {
	kind   frame.Kind
	handle func(ctx context.Context, tx *journal.Tx, events []envelope) ([]Verdict, error)
	// prepare runs before the transaction; nil for most handlers.
	prepare func(ctx context.Context, event envelope) (any, error)
}

// On makes a handler of the events that carry an M. It returns one verdict per event, or nil when all are Done. An error rolls
// the whole batch back; smaller parts of it are tried until the event that fails is alone. That event is parked, unless the error
// is a fault of kind Unavailable or Exhausted: then it is deferred.
func On[M proto.Message](fn func(ctx context.Context, tx *journal.Tx, events []Event[M]) ([]Verdict, error)) Handler {
	return handlerOf(func(ctx context.Context, tx *journal.Tx, events []Event[M], _ []envelope) ([]Verdict, error) {
		return fn(ctx, tx, events)
	})
}

// handlerOf makes a handler; fn gets the events and, at the same places, what they were decoded from.
func handlerOf[M proto.Message](fn func(ctx context.Context, tx *journal.Tx, events []Event[M], of []envelope) ([]Verdict, error)) Handler {
	var zero M
	return Handler{
		kind: frame.KindOf(zero),
		handle: func(ctx context.Context, tx *journal.Tx, envelopes []envelope) ([]Verdict, error) {
			verdicts := make([]Verdict, len(envelopes))
			events := make([]Event[M], 0, len(envelopes))
			of := make([]envelope, 0, len(envelopes))
			places := make([]int, 0, len(envelopes))
			for i, e := range envelopes {
				message, err := frame.Payload[M](e.event)
				if err != nil {
					verdicts[i] = Park("payload_undecodable")
					continue
				}
				events, of = append(events, decoded(e, message)), append(of, e)
				places = append(places, i)
			}
			if len(events) == 0 {
				return verdicts, nil
			}
			given, err := fn(ctx, tx, events, of)
			if err != nil {
				return nil, err
			}
			if given != nil && len(given) != len(events) {
				return nil, fmt.Errorf("handler of %s gave %d verdicts for %d events", frame.KindOf(zero), len(given), len(events))
			}
			for i, v := range given {
				verdicts[places[i]] = v
			}
			return verdicts, nil
		},
	}
}

func decoded[M proto.Message](e envelope, message M) Event[M] {
	return Event[M]{
		FrameID: e.frameID, Kind: string(e.kind), Subject: e.event.GetSubject(), Ordinal: e.event.GetOrdinal(),
		Sender: e.event.GetSender(), Actor: e.event.GetActor(), OccurredAt: e.event.GetOccurredAt().AsTime(),
		Causation: e.event.GetCausation(), Traceparent: e.event.GetTraceparent(), Lane: e.lane, Message: message,
	}
}

// envelope is an event with what its frame says about it.
type envelope struct {
	frameID uuid.UUID
	kind    frame.Kind
	lane    platformv1.Lane
	event   *platformv1.Event
	// prepared is what the handler's step before the transaction returned.
	prepared preparation
}

// Verdict is what a handler decides about one event. The zero value is Done.
type Verdict struct {
	what   verdictKind
	reason string
}

type verdictKind int

const (
	done verdictKind = iota
	ignored
	deferred
	parked
)

var (
	// Done: the event's effect is in the transaction.
	Done = Verdict{}
	// Ignore: the event rightly has no effect, e.g. its natural key is known already.
	Ignore = Verdict{what: ignored}
)

// Defer keeps the event and tries it again, because what it needs may come later: after 1 s, doubling to 5 min; after 24 h it is
// parked. Reason is a static word.
func Defer(reason string) Verdict { return Verdict{what: deferred, reason: reason} }

// Park gives the event to an operator. Reason is a static word.
func Park(reason string) Verdict { return Verdict{what: parked, reason: reason} }

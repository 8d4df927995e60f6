package delivery

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const actor = "unit:delivery"

// stamp writes the one clock reading into the facts: for a member here, sent and received are equal (architecture, section 3).
func (d document) stamp(now time.Time) {
	d.facts.ResolvedAt, d.facts.SentAt, d.facts.ReceivedAt = d.answered(), timestamppb.New(now), timestamppb.New(now)
}

// answered is the time of the first resolution, if that found a consenting member here. Status gets it with delivery's answer,
// which saves status one write for an ordinary document.
func (d document) answered() *timestamppb.Timestamp {
	if !d.foundAtOnce {
		return nil
	}
	return timestamppb.New(d.resolvedAt)
}

// envelope makes the event about a document, without its message.
type envelope func(d document) (journal.Fact, bool)

// state states what happened to the documents whose rows changed.
func (s *service) state(ctx context.Context, tx *journal.Tx, now time.Time, changed map[State][]document, of envelope) error {
	at := timestamppb.New(now)
	messages := []struct {
		state   State
		message func(d document) proto.Message
	}{
		{Delivered, func(d document) proto.Message { return &deliveryv1.DocumentReceived{Facts: d.facts} }},
		{Expired, func(d document) proto.Message {
			return &deliveryv1.DeliveryExpired{EdocNum: d.number, Sender: d.sender, Lane: d.lane, ExpiredAt: at, ResolvedAt: d.answered()}
		}},
		{Failed, func(d document) proto.Message {
			return &deliveryv1.DeliveryFailed{EdocNum: d.number, Sender: d.sender, Lane: d.lane, FailedAt: at, Reason: "ADDRESS_WITHDRAWN", ResolvedAt: d.answered()}
		}},
		{Cancelled, func(d document) proto.Message {
			return &deliveryv1.DocumentCancelled{EdocNum: d.number, Sender: d.sender, Lane: d.lane, CancelledAt: at, ResolvedAt: d.answered()}
		}},
	}
	for _, m := range messages {
		if err := appendAll(ctx, tx, changed[m.state], of, m.message); err != nil {
			return err
		}
	}
	for state, documents := range changed {
		s.metrics.count(ctx, state, len(documents))
	}
	return nil
}

func (s *service) stateCancelRefused(ctx context.Context, tx *journal.Tx, now time.Time, tooLate []document, of func(d document) journal.Fact) error {
	return appendAll(ctx, tx, tooLate, func(d document) (journal.Fact, bool) { return of(d), true }, func(d document) proto.Message {
		return &deliveryv1.CancelRefused{EdocNum: d.number, Sender: d.sender, Lane: d.lane, RefusedAt: timestamppb.New(now)}
	})
}

func appendAll(ctx context.Context, tx *journal.Tx, documents []document, of envelope, message func(d document) proto.Message) error {
	events := make([]journal.Fact, 0, len(documents))
	lanes := make([]platformv1.Lane, 0, len(documents))
	for _, d := range documents {
		event, ok := of(d)
		if !ok {
			event = journal.Fact{Subject: d.number, Sender: d.sender, Actor: actor}
		}
		event.Message = message(d)
		events, lanes = append(events, event), append(lanes, d.lane)
	}
	return journal.StateByLane(ctx, tx, events, func(i int) platformv1.Lane { return lanes[i] })
}

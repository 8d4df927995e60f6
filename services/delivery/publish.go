package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	actor         = "unit:delivery"
	policyVersion = "delivery/1"
)

// stamp puts the one clock reading into the facts: sent and received are equal for an own member (architecture, section 3).
func (d document) stamp(now time.Time) {
	d.facts.ResolvedAt, d.facts.SentAt, d.facts.ReceivedAt = d.answered(), timestamppb.New(now), timestamppb.New(now)
}

// answered is the time of the first resolution, where that found a consented member here: status learns of it from delivery's answer, so that
// the ordinary document has a write less there.
func (d document) answered() *timestamppb.Timestamp {
	if !d.foundAtOnce {
		return nil
	}
	return timestamppb.New(d.resolvedAt)
}

// envelope makes the event that tells of a document, without its message.
type envelope func(d document) (journal.Fact, bool)

// state states what became of the documents whose rows changed, with the evidence of it.
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
	return s.prove(ctx, tx, now, changed)
}

func (s *service) stateCancelRefused(ctx context.Context, tx *journal.Tx, now time.Time, tooLate []document, of func(d document) journal.Fact) error {
	err := appendAll(ctx, tx, tooLate, func(d document) (journal.Fact, bool) { return of(d), true }, func(d document) proto.Message {
		return &deliveryv1.CancelRefused{EdocNum: d.number, Sender: d.sender, Lane: d.lane, RefusedAt: timestamppb.New(now)}
	})
	if err != nil {
		return err
	}
	return appendEvidence(ctx, tx, now, "cancel_refused", tooLate)
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

// prove keeps the evidence of deliveries and of their failures alike.
func (s *service) prove(ctx context.Context, tx *journal.Tx, now time.Time, changed map[State][]document) error {
	for _, kind := range []struct {
		state State
		name  string
	}{{Delivered, "document_received"}, {Expired, "delivery_expired"}, {Failed, "delivery_failed"}, {Cancelled, "document_cancelled"}} {
		if err := appendEvidence(ctx, tx, now, kind.name, changed[kind.state]); err != nil {
			return err
		}
	}
	return nil
}

// proof is the body of an evidence entry: references and times, no personal data.
type proof struct {
	EdocNum      string    `json:"edocNum"`
	From         string    `json:"from,omitempty"`
	To           string    `json:"to,omitempty"`
	Recipient    string    `json:"recipient,omitempty"`
	DocumentHash string    `json:"documentHash,omitempty"`
	At           time.Time `json:"at"`
}

func appendEvidence(ctx context.Context, tx *journal.Tx, now time.Time, kind string, documents []document) error {
	if len(documents) == 0 {
		return nil
	}
	entries := make([]evidence.Entry, len(documents))
	for i, d := range documents {
		body, err := json.Marshal(proof{EdocNum: d.number, From: d.facts.GetFrom().GetAddress(), To: d.facts.GetTo().GetAddress(),
			Recipient: d.facts.GetRecipient(), DocumentHash: d.facts.GetDocumentHash().GetValue(), At: now})
		if err != nil {
			return fmt.Errorf("encode evidence of %s: %w", d.number, err)
		}
		entries[i] = evidence.Entry{ID: id.New(), Kind: kind, Subject: d.number, Tenant: d.sender, Sender: d.sender, Actor: actor,
			PolicyVersion: policyVersion, OccurredAt: now, Body: body}
	}
	return evidence.Append(ctx, tx, entries...)
}

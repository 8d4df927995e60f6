package delivery

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:delivery"

// answerTo makes the fact about a document, without its message.
type answerTo func(d document) journal.Fact

// answering is for facts that answer the documents' events.
func answering[M proto.Message](events []inbox.Event[M], now time.Time) answerTo {
	return func(d document) journal.Fact { return events[d.event].Answer(actor, now, nil) }
}

// byItself is for facts that no event led to.
func byItself(now time.Time) answerTo {
	return func(d document) journal.Fact {
		return journal.Fact{Subject: d.number, Sender: d.sender, Actor: actor, OccurredAt: now}
	}
}

// state states what happened to the documents whose rows changed.
func (s *service) state(ctx context.Context, tx *journal.Tx, now time.Time, changed map[State][]document, of answerTo) error {
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
			return &deliveryv1.DeliveryFailed{EdocNum: d.number, Sender: d.sender, Lane: d.lane, FailedAt: at, Reason: d.reason, ResolvedAt: d.answered()}
		}},
		{Cancelled, func(d document) proto.Message {
			return &deliveryv1.DocumentCancelled{EdocNum: d.number, Sender: d.sender, Lane: d.lane, CancelledAt: at, ResolvedAt: d.answered()}
		}},
	}
	for _, m := range messages {
		if err := stateEach(ctx, tx, changed[m.state], of, m.message); err != nil {
			return err
		}
	}
	if err := stateEach(ctx, tx, changed[Depositing], numbered(of), func(d document) proto.Message {
		return &deliveryv1.DepositAwaited{Facts: d.facts, ResolvedAt: timestamppb.New(d.resolvedAt), Choices: d.choices}
	}); err != nil {
		return err
	}
	if err := stateOutdated(ctx, tx, changed[Waiting], of); err != nil {
		return err
	}
	for state, documents := range changed {
		s.metrics.count(ctx, state, len(documents))
	}
	return nil
}

// numbered gives facts the ordinals of the resolutions they answer.
func numbered(of answerTo) answerTo {
	return func(d document) journal.Fact {
		fact := of(d)
		fact.Ordinal = d.ordinal
		return fact
	}
}

// stateOutdated asks address to decide anew about the waiting documents whose recipients have changed their choices.
func stateOutdated(ctx context.Context, tx *journal.Tx, waiting []document, of answerTo) error {
	outdated := slices.DeleteFunc(slices.Clone(waiting), func(d document) bool { return !d.outdated })
	return stateEach(ctx, tx, outdated, numbered(of), func(d document) proto.Message { return &deliveryv1.ResolutionOutdated{Facts: d.facts} })
}

// stateCancelRefused states that a cancel came after the receipt.
func stateCancelRefused(ctx context.Context, tx *journal.Tx, now time.Time, tooLate []document, of answerTo) error {
	return stateEach(ctx, tx, tooLate, of, func(d document) proto.Message {
		return &deliveryv1.CancelRefused{EdocNum: d.number, Sender: d.sender, Lane: d.lane, RefusedAt: timestamppb.New(now)}
	})
}

func stateEach(ctx context.Context, tx *journal.Tx, documents []document, of answerTo, message func(d document) proto.Message) error {
	facts := make([]journal.Fact, len(documents))
	for i, d := range documents {
		facts[i] = of(d)
		facts[i].Message = message(d)
	}
	return journal.StateByLane(ctx, tx, facts, func(i int) platformv1.Lane { return documents[i].lane })
}

// stateGiven states a round that was given: an event for each document, and for this unit alone whom the round told.
func (r round) stateGiven(ctx context.Context, tx *journal.Tx, now time.Time, told []document, byRecipient [][]document) error {
	at := timestamppb.New(now)
	given := &deliveryv1.RoundGiven{Recipients: recipientsOf(byRecipient), GivenAt: at, Attempt: uint32(r.attempt)} //nolint:gosec // bounded by notice.attempts
	// NoticeGiven is about the first notice.
	if err := tx.Record(ctx, r.fact(now, given)); err != nil || r.reminder {
		return err
	}
	return stateEach(ctx, tx, told, byItself(now), func(d document) proto.Message {
		return &deliveryv1.NoticeGiven{EdocNum: d.number, Sender: d.sender, Lane: d.lane, GivenAt: at}
	})
}

// recordGivenUp states, for this unit alone, that the recipients of a round were not told, and who gave it up.
func (r round) recordGivenUp(ctx context.Context, tx *journal.Tx, by string, now time.Time, byRecipient [][]document, reason string) error {
	given := r.fact(now, &deliveryv1.RoundGivenUp{
		Recipients: recipientsOf(byRecipient), GivenUpAt: timestamppb.New(now), Attempt: uint32(r.attempt), Reason: reason, //nolint:gosec // bounded by notice.attempts
	})
	given.Actor = by
	return tx.Record(ctx, given)
}

// recordRetried states, for this unit alone, that an operator has a round called again, as itself or as the next one.
func recordRetried(ctx context.Context, tx *journal.Tx, operator string, now time.Time, former uuid.UUID, next string) error {
	return tx.Record(ctx, journal.Fact{Subject: id.New().String(), Actor: operator, OccurredAt: now,
		Message: &deliveryv1.RoundRetried{Round: former.String(), Next: next}})
}

func (r round) fact(at time.Time, message proto.Message) journal.Fact {
	return journal.Fact{Subject: r.id.String(), Actor: actor, OccurredAt: at, Message: message}
}

func recipientsOf(byRecipient [][]document) []*deliveryv1.RoundRecipient {
	recipients := make([]*deliveryv1.RoundRecipient, len(byRecipient))
	for i, documents := range byRecipient {
		recipients[i] = &deliveryv1.RoundRecipient{
			Recipient: documents[0].facts.GetRecipient(), Address: documents[0].facts.GetTo().GetAddress(), EdocNums: numbersOf(documents),
		}
	}
	return recipients
}

// recordInvitation states, for this unit alone, what happened to an invitation.
func recordInvitation(ctx context.Context, tx *journal.Tx, by string, now time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{Subject: id.New().String(), Actor: by, OccurredAt: now, Message: message})
}

package circulation

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:circulation"

// state states registrations, read times and refusals.
func state(ctx context.Context, tx *journal.Tx, b batch, now time.Time, settled []settlement) error {
	var finished, refused []journal.Fact
	for _, one := range settled {
		event := journal.Fact{
			Subject: one.call.number, Sender: one.call.sender, Actor: actor, OccurredAt: now,
			Causation: one.call.cause.String(), Traceparent: one.call.traceparent,
		}
		switch {
		case one.next == queued, one.retried && one.reason != one.call.refusal:
			event.Ordinal = one.call.ordinal()
			event.Message = &circulationv1.CirculationRefused{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, ReadTime: b.kind == readTime,
				Result: one.result, Exchange: one.exchange, RefusedAt: timestamppb.New(now), Retried: one.retried, Refusal: one.reason,
			}
			refused = append(refused, event)
		case one.next == done && b.kind == readTime:
			event.Message = &circulationv1.ReadTimeRegistered{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, Result: one.result, Exchange: one.exchange,
				AcknowledgedAt: timestamppb.New(one.endedAt),
			}
			finished = append(finished, event)
		case one.next == done && !one.call.acknowledged:
			event.Message = &circulationv1.CirculationRegistered{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, Result: one.result, Exchange: one.exchange,
				AcknowledgedAt: timestamppb.New(one.endedAt), Recipient: one.call.facts.GetRecipient(),
				From: party(one.call.facts.GetFrom()), To: party(one.call.facts.GetTo()),
			}
			finished = append(finished, event)
		}
	}
	if err := tx.State(ctx, b.lane, finished...); err != nil {
		return err
	}
	return tx.State(ctx, b.lane, refused...)
}

// party copies what the hub knows of a party.
func party(p *platformv1.Party) *platformv1.Party {
	return &platformv1.Party{PlatformId: p.GetPlatformId(), Address: p.GetAddress(), SubAddress: p.GetSubAddress(), ValidFrom: p.GetValidFrom()}
}

// settledTogether is how many documents of a call one fact covers.
const settledTogether = 50

// recordSettled records the results of a call, also of one that came too late.
func recordSettled(ctx context.Context, tx *journal.Tx, b batch, now time.Time, all []settlement, late bool) error {
	part := uint32(0)
	for some := range slices.Chunk(all, settledTogether) {
		part++
		settled := &circulationv1.HubCallSettled{ReadTime: b.kind == readTime, Lane: b.lane, Late: late}
		for _, one := range some {
			settled.Items = append(settled.Items, settledItem(one))
		}
		if err := tx.Record(ctx, journal.Fact{Subject: b.id.String(), Ordinal: part, Actor: actor, OccurredAt: now, Message: settled}); err != nil {
			return err
		}
	}
	return nil
}

// settledItem is the digest of what was sent and the answer of the hub.
func settledItem(one settlement) *circulationv1.HubCallItem {
	item := &circulationv1.HubCallItem{
		EdocNum: one.call.number, Attempt: int32(one.call.attempt), Outcome: string(one.sending), Result: one.result, //nolint:gosec // attempts are few
		Exchange: one.exchange, ContentDigest: one.digest, Refusal: one.reason, Retried: one.retried,
	}
	if one.sending == answered {
		item.EndedAt = timestamppb.New(one.endedAt)
	}
	return item
}

// recordRetried records who asked for a retry of which calls.
func recordRetried(ctx context.Context, tx *journal.Tx, number, sender string, by authn.Principal, now time.Time, calls []call) error {
	for _, c := range calls {
		err := tx.Record(ctx, journal.Fact{Subject: number, Ordinal: c.ordinal(), Sender: sender, Actor: by.ID, OccurredAt: now,
			Message: &circulationv1.QueuedCallRetried{ReadTime: c.kind == readTime, Authentication: authenticationOf(by)}})
		if err != nil {
			return err
		}
	}
	return nil
}

// stateGivenUp states that a call was given up, and records who did.
func stateGivenUp(ctx context.Context, tx *journal.Tx, one givenUpCall, by ruling) error {
	c := one.call
	fact := journal.Fact{
		Subject: c.number, Ordinal: c.ordinal(), Sender: c.sender, Actor: by.operator.ID, OccurredAt: by.at,
		Message: &circulationv1.CirculationGivenUp{
			EdocNum: c.number, Sender: c.sender, Lane: c.lane, ReadTime: c.kind == readTime, Refusal: one.reason, GivenUpAt: timestamppb.New(by.at),
		},
	}
	if err := tx.State(ctx, c.lane, fact); err != nil {
		return err
	}
	fact.Message = &circulationv1.QueuedCallGivenUp{
		ReadTime: c.kind == readTime, Authentication: authenticationOf(by.operator), Ruling: by.id.String(), ReasonDigest: by.digest,
	}
	return tx.Record(ctx, fact)
}

// recordAccepted records who accepted what the hub had said.
func recordAccepted(ctx context.Context, tx *journal.Tx, one settlement, by ruling) error {
	return tx.Record(ctx, journal.Fact{
		Subject: one.call.number, Ordinal: one.call.ordinal(), Sender: one.call.sender, Actor: by.operator.ID, OccurredAt: by.at,
		Message: &circulationv1.QueuedCallAccepted{
			ReadTime: one.call.kind == readTime, Authentication: authenticationOf(by.operator),
			Ruling: by.id.String(), ReasonDigest: by.digest, Accepted: settledItem(one),
		},
	})
}

func authenticationOf(p authn.Principal) *platformv1.Authentication {
	return &platformv1.Authentication{Client: p.Client, TokenId: p.TokenID, TokenIssuedAt: timestamppb.New(p.IssuedAt)}
}

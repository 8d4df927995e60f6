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

const actor = "unit:circulation"

// provedTogether is how many documents of a call one fact covers.
const provedTogether = 50

// prove records the results of a call, also of one that came too late.
func prove(ctx context.Context, tx *journal.Tx, b batch, now time.Time, all []settlement, late bool) error {
	part := uint32(0)
	for some := range slices.Chunk(all, provedTogether) {
		part++
		settled := &circulationv1.HubCallSettled{ReadTime: b.kind == readTime, Lane: b.lane, Late: late}
		for _, one := range some {
			settled.Items = append(settled.Items, proof(one))
		}
		if err := tx.Record(ctx, journal.Fact{Subject: b.id.String(), Ordinal: part, Actor: actor, OccurredAt: now, Message: settled}); err != nil {
			return err
		}
	}
	return nil
}

// proof is the digest of what was sent and the answer of the hub.
func proof(one settlement) *circulationv1.HubCallItem {
	item := &circulationv1.HubCallItem{
		EdocNum: one.call.number, Attempt: int32(one.call.attempt), Outcome: string(one.sending), Result: one.result, //nolint:gosec // attempts are few
		Exchange: one.exchange, ContentDigest: one.digest, QueueReason: one.reason,
	}
	if one.sending == answered {
		item.EndedAt = timestamppb.New(one.endedAt)
	}
	return item
}

// proveRetry records who asked for a retry of which calls.
func proveRetry(ctx context.Context, tx *journal.Tx, number, sender string, by authn.Principal, now time.Time, calls []call) error {
	for _, c := range calls {
		err := tx.Record(ctx, journal.Fact{Subject: number, Ordinal: c.ordinal(), Sender: sender, Actor: by.ID, OccurredAt: now,
			Message: &circulationv1.QueuedCallRetried{ReadTime: c.kind == readTime, Authentication: authenticationOf(by)}})
		if err != nil {
			return err
		}
	}
	return nil
}

// proveAcceptance records who accepted what the hub had said.
func proveAcceptance(ctx context.Context, tx *journal.Tx, one settlement, by acceptance) error {
	return tx.Record(ctx, journal.Fact{
		Subject: one.call.number, Ordinal: one.call.ordinal(), Sender: one.call.sender, Actor: by.operator.ID, OccurredAt: by.at,
		Message: &circulationv1.QueuedCallAccepted{
			ReadTime: one.call.kind == readTime, Authentication: authenticationOf(by.operator),
			Acceptance: by.id.String(), ReasonDigest: by.digest, Accepted: proof(one),
		},
	})
}

func authenticationOf(p authn.Principal) *platformv1.Authentication {
	return &platformv1.Authentication{Client: p.Client, TokenId: p.TokenID, TokenIssuedAt: timestamppb.New(p.IssuedAt)}
}

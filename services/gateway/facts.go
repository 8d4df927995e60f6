package gateway

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:gateway"

// record states a private fact; ordinal 0 is the first.
func record(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, actor string, at time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{Subject: subject, Ordinal: uint32(ordinal), Actor: actor, OccurredAt: at, Message: message}) //nolint:gosec // counts
}

// addClient keeps credentials and states that they were made.
func addClient(ctx context.Context, tx *journal.Tx, c client, actor string) error {
	if err := insertClient(ctx, tx, c); err != nil {
		return err
	}
	return record(ctx, tx, c.ID, 0, actor, c.CreatedAt, &gatewayv1.ClientCreated{
		Principal: c.Principal.String(), Kind: c.Kind, Scopes: c.Scopes, Proof: proofOf(c),
	})
}

// principalChanged states a principal to the other units; its identity is (principal id, version).
func principalChanged(ctx context.Context, tx *journal.Tx, p principal, senders []string, address, actor string, at time.Time) error {
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: p.ID.String(), Ordinal: uint32(p.Version), Actor: actor, OccurredAt: at, //nolint:gosec // counts from 1
		Message: &gatewayv1.PrincipalChanged{Id: p.ID.String(), Kind: p.Kind, Suspended: p.Suspended, Senders: senders, Address: address},
	})
}

func proofOf(c client) gatewayv1.ClientProof {
	if c.PublicJWK != "" {
		return gatewayv1.ClientProof_CLIENT_PROOF_KEY
	}
	return gatewayv1.ClientProof_CLIENT_PROOF_SECRET
}

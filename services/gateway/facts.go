package gateway

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:gateway"

// record states a fact that stays here; ordinal 0 is the first.
func record(ctx context.Context, tx *journal.Tx, subject string, ordinal int32, actor string, at time.Time, message proto.Message) error {
	return tx.Record(ctx, journal.Fact{Subject: subject, Ordinal: uint32(ordinal), Actor: actor, OccurredAt: at, Message: message}) //nolint:gosec // counts
}

// statePrincipalChanged states a principal to the other units; its identity is (principal id, version).
func statePrincipalChanged(ctx context.Context, tx *journal.Tx, p principal, address, actor string, at time.Time) error {
	changed := &gatewayv1.PrincipalChanged{
		Id: p.ID.String(), Kind: p.Kind, Suspended: p.Suspended, Senders: texts(p.Senders), Address: address, Hosts: p.Hosts, AuthorisationKeys: p.Keys,
	}
	if p.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT {
		changed.Name = p.Name
	}
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: p.ID.String(), Ordinal: uint32(p.Version), Actor: actor, OccurredAt: at, Message: changed, //nolint:gosec // counts from 1
	})
}

func recordViewingSystemNamed(ctx context.Context, tx *journal.Tx, p principal, by string, at time.Time) error {
	return record(ctx, tx, p.ID.String(), p.Version, by, at, &gatewayv1.ViewingSystemNamed{Name: p.Name})
}

func recordClientCreated(ctx context.Context, tx *journal.Tx, c client, by string) error {
	return record(ctx, tx, c.ID, 0, by, c.CreatedAt, &gatewayv1.ClientCreated{
		Principal: c.Principal.String(), Kind: c.Kind, Scopes: c.Scopes, Proof: proofOf(c),
	})
}

func recordClientRevoked(ctx context.Context, tx *journal.Tx, clientID string, owner uuid.UUID, by string, at time.Time) error {
	return record(ctx, tx, clientID, 0, by, at, &gatewayv1.ClientRevoked{Principal: owner.String()})
}

// recordAuthenticated states that a client got this token.
func recordAuthenticated(ctx context.Context, tx *journal.Tx, c client, token authn.Principal, at time.Time) error {
	return record(ctx, tx, token.TokenID, 0, c.Principal.String(), at, &gatewayv1.ClientAuthenticated{
		Client: c.ID, Principal: c.Principal.String(), Proof: proofOf(c), Scopes: token.Scopes, ExpiresAt: timestamppb.New(token.ExpiresAt),
	})
}

// recordNotAuthenticated states a refusal, and how many refusals of this client before it got no fact of their own.
func recordNotAuthenticated(ctx context.Context, tx *journal.Tx, c client, why refusedBecause, unrecorded uint32, at time.Time) error {
	return record(ctx, tx, id.New().String(), 0, c.Principal.String(), at, &gatewayv1.ClientNotAuthenticated{
		Client: c.ID, Principal: c.Principal.String(), Why: string(why), Unrecorded: unrecorded,
	})
}

func proofOf(c client) gatewayv1.ClientProof {
	if c.PublicJWK != "" {
		return gatewayv1.ClientProof_CLIENT_PROOF_KEY
	}
	return gatewayv1.ClientProof_CLIENT_PROOF_SECRET
}

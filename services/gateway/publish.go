package gateway

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// principalChanged states a principal to the other units; its identity is (principal id, version).
func principalChanged(ctx context.Context, tx *journal.Tx, p principal, senders []string, address, actor string, at time.Time) error {
	return tx.State(ctx, platformv1.Lane_LANE_EXPRESS, journal.Fact{
		Subject: p.ID.String(), Ordinal: uint32(p.Version), Actor: actor, OccurredAt: at, //nolint:gosec // counts from 1
		Message: &gatewayv1.PrincipalChanged{Id: p.ID.String(), Kind: p.Kind, Suspended: p.Suspended, Senders: senders, Address: address},
	})
}

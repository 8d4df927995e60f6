package hub

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// actor names this unit where nobody else acted.
const actor = "unit:hub"

// recordExchangeAnswered states, for this unit alone, the result of one attempt: digests, never contents.
func recordExchangeAnswered(ctx context.Context, tx *journal.Tx, a attempt, res answered) error {
	return tx.Record(ctx, journal.Fact{
		Subject: a.exchange.String(), Ordinal: uint32(a.number), Actor: actor, OccurredAt: res.at, //nolint:gosec // 1 or 2
		Message: &hubv1.ExchangeAnswered{
			Operation: string(a.call.Operation), RequestId: a.stamp.RequestID.String(), RequestDigest: a.digest, SentAt: timestamppb.New(a.stamp.At),
			Outcome: string(res.outcome), ErrorCode: res.code, Status: int32(res.status), ResponseDigest: res.digest, //nolint:gosec // an HTTP status
		},
	})
}

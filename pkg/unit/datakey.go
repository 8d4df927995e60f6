package unit

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/sealed"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// GiveDataKey answers KeyService.GetDataKey for the maker of a key.
func GiveDataKey(ctx context.Context, maker string, ring *sealed.Keyring, r *platformv1.GetDataKeyRequest) (*platformv1.GetDataKeyResponse, error) {
	keyID, err := uuid.Parse(r.GetKeyId())
	if err != nil {
		return nil, fault.New(fault.Invalid, maker, fault.InvalidRequest, "keyId is no UUID")
	}
	key, err := ring.Export(ctx, keyID, authn.CallingUnit(ctx))
	if err != nil {
		return nil, err
	}
	answer := &platformv1.GetDataKeyResponse{Purpose: string(key.Purpose), Key: key.Bytes}
	if !key.Ends.IsZero() {
		answer.EndsAt = timestamppb.New(key.Ends)
	}
	return answer, nil
}

// DataKeys asks the makers of keys over the channels that dial gives.
func DataKeys(dial func(maker string) (grpc.ClientConnInterface, error)) sealed.KeySource {
	return func(ctx context.Context, maker string, keyID uuid.UUID) (sealed.Key, error) {
		conn, err := dial(maker)
		if err != nil {
			return sealed.Key{}, err
		}
		answer, err := platformv1.NewKeyServiceClient(conn).GetDataKey(ctx, &platformv1.GetDataKeyRequest{KeyId: keyID.String()})
		if err != nil {
			return sealed.Key{}, err
		}
		key := sealed.Key{Purpose: sealed.Purpose(answer.GetPurpose()), Bytes: answer.GetKey()}
		if answer.EndsAt != nil {
			key.Ends = answer.GetEndsAt().AsTime()
		}
		return key, nil
	}
}

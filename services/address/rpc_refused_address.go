package address

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// refusedAddressServer serves operators.
type refusedAddressServer struct {
	addressv1.UnsafeRefusedAddressServiceServer
	*service
}

var _ addressv1.RefusedAddressServiceServer = (*refusedAddressServer)(nil)

// ListRefusedAddresses lists, those refused first before the others.
func (s *refusedAddressServer) ListRefusedAddresses(ctx context.Context, r *addressv1.ListRefusedAddressesRequest) (*addressv1.ListRefusedAddressesResponse, error) {
	after, err := page.After(r.GetPageToken(), refusedPlace{}, errPageToken())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listRefused(ctx, s.db, after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last refusal) refusedPlace {
		return refusedPlace{RefusedAt: *last.refusedAt, Address: last.address}
	})
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ListRefusedAddressesResponse{NextPageToken: next}
	for _, one := range found {
		answer.Addresses = append(answer.Addresses, &addressv1.RefusedAddress{
			Address: one.address, Recipient: ownerText(one.recipient), Principal: ownerText(one.principal), Refusal: one.refusal,
			RefusedAt: shownTime(one.refusedAt), AskedAgainAt: shownTime(one.askedAgainAt),
		})
	}
	return answer, nil
}

// RetryRefusedAddress has the hub asked again.
func (s *refusedAddressServer) RetryRefusedAddress(ctx context.Context, r *addressv1.RetryRefusedAddressRequest) (*addressv1.RetryRefusedAddressResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	return &addressv1.RetryRefusedAddressResponse{}, s.retryRefused(ctx, r.GetAddress(), operator.ID)
}

// GiveUpRefusedAddress ends asking the hub.
func (s *refusedAddressServer) GiveUpRefusedAddress(ctx context.Context, r *addressv1.GiveUpRefusedAddressRequest) (*addressv1.GiveUpRefusedAddressResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	return &addressv1.GiveUpRefusedAddressResponse{}, s.giveUpRefused(ctx, r.GetAddress(), r.GetReason(), operator.ID)
}

// shownTime is a time as it is told; nil for none.
func shownTime(at *time.Time) *timestamppb.Timestamp {
	if at == nil {
		return nil
	}
	return timestamppb.New(*at)
}

// ownerText is an id as it is told; empty for none.
func ownerText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

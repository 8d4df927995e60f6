package viewing

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/page"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// accesses is AccessService.
type accesses struct {
	viewingv1.UnsafeAccessServiceServer
	core
	authorities authorities
	documents   documents
	// signer signs extracts of viewing logs.
	signer keys.Signer
}

var _ viewingv1.AccessServiceServer = (*accesses)(nil)

// ListAccesses lists who has been at what is the caller's.
func (s *accesses) ListAccesses(ctx context.Context, r *viewingv1.ListAccessesRequest) (*viewingv1.ListAccessesResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.represents(ctx, caller); err != nil {
		return nil, err
	}
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listAccesses(ctx, s.db, caller.ID, before, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last accessRow) uuid.UUID { return last.ID })
	if err != nil {
		return nil, err
	}
	answer := &viewingv1.ListAccessesResponse{NextPageToken: next}
	for _, one := range found {
		answer.Accesses = append(answer.Accesses, one.proto())
	}
	return answer, nil
}

// represents is a fault if somebody acts for an organisation that it does not represent now.
func (s *accesses) represents(ctx context.Context, caller authn.Principal) error {
	if caller.Actor == "" {
		return nil
	}
	held, err := s.authorities.of(ctx, caller.Actor, caller.ID)
	switch {
	case err != nil:
		return err
	case held.GetRole() != addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE:
		return notAuthorised()
	default:
		return nil
	}
}

func (r accessRow) proto() *viewingv1.Access {
	a := &viewingv1.Access{
		Id: r.ID.String(), Kind: viewingv1.AccessKind(r.Kind), At: timestamppb.New(r.At), Person: r.Person, EdocNum: r.EdocNum, ViewingSystem: r.System,
	}
	if r.Recipient != r.Person {
		a.Organisation = r.Recipient
	}
	if r.ViewedAt != nil {
		a.ViewedAt = timestamppb.New(*r.ViewedAt)
	}
	if r.ReadAt != nil {
		a.ReadAt = timestamppb.New(*r.ReadAt)
	}
	return a
}

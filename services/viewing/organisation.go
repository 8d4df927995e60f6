package viewing

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// authorities says who may act for an organisation; addressv1.AddressServiceClient does.
type authorities interface {
	TakeAuthority(ctx context.Context, in *addressv1.TakeAuthorityRequest, opts ...grpc.CallOption) (*addressv1.TakeAuthorityResponse, error)
}

// authorityOf asks for a person's authority that is in force now.
func authorityOf(ctx context.Context, from authorities, person, organisation string) (*addressv1.TakeAuthorityResponse, error) {
	held, err := from.TakeAuthority(ctx, &addressv1.TakeAuthorityRequest{Person: person, Organisation: organisation})
	switch fault.KindOf(err) {
	case fault.Denied:
		return nil, notAuthorised()
	default:
		if err != nil {
			return nil, neighbourFault("the authority cannot be looked up now; try again later", err)
		}
		return held, nil
	}
}

// ActForOrganisation gives a person a session of an organisation. It ends with the person's own, so an identity proof is never
// older than a session may be.
func (s *sessions) ActForOrganisation(ctx context.Context, r *viewingv1.ActForOrganisationRequest) (*viewingv1.ActForOrganisationResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if caller.Actor != "" {
		return nil, notAuthorised()
	}
	now, err := s.now()
	if err != nil {
		return nil, err
	}
	held, err := authorityOf(ctx, s.authorities, caller.ID, r.GetOrganisation())
	if err != nil {
		return nil, err
	}
	life := caller.ExpiresAt.Sub(now.Truncate(time.Second)) // tokens live by whole seconds
	if life < shortestSession {
		return nil, fault.New(fault.Unauthenticated, "", authn.ReasonTokenExpired, "the access token has expired")
	}
	minted, principal, err := s.minter.Mint(authn.Grant{
		Subject: r.GetOrganisation(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, Session: caller.Session, Actor: caller.ID, Life: life,
	})
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error { return recordActing(ctx, tx, principal, held.GetAuthority(), now) })
	if err != nil {
		return nil, err
	}
	count(ctx, s.metrics.sessions, "acting")
	return &viewingv1.ActForOrganisationResponse{
		SessionToken: minted, ExpiresAt: timestamppb.New(principal.ExpiresAt), Member: held.GetMember(), Address: held.GetAddress(),
	}, nil
}

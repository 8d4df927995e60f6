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

// taker says who may act for an organisation; addressv1.AddressServiceClient does.
type taker interface {
	TakeAuthority(ctx context.Context, in *addressv1.TakeAuthorityRequest, opts ...grpc.CallOption) (*addressv1.TakeAuthorityResponse, error)
}

// authorities asks who may act for an organisation.
type authorities struct {
	address taker
	// timeout of a question.
	timeout time.Duration
}

// of asks for a person's authority that is in force now.
func (a authorities) of(ctx context.Context, person, organisation string) (*addressv1.TakeAuthorityResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	held, err := a.address.TakeAuthority(ctx, &addressv1.TakeAuthorityRequest{Person: person, Organisation: organisation})
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

// stillMay is a fault if somebody acts for an organisation whose authority ended while the session lasted.
func (a authorities) stillMay(ctx context.Context, caller authn.Principal) error {
	if caller.Actor == "" {
		return nil
	}
	_, err := a.of(ctx, caller.Actor, caller.ID)
	return err
}

// stillReads refuses an unused token if the person who got it for an organisation may not act for it any more. It asks
// before the token is used: while the authority cannot be looked up, the person must not lose its token.
func (s *checker) stillReads(ctx context.Context, c *check) (outcome, error) {
	person, err := readUnusedFor(ctx, s.db, c)
	if err != nil || person == "" {
		return "", err
	}
	_, err = s.authorities.of(ctx, person, c.document.recipient)
	if fault.KindOf(err) == fault.Denied {
		return unauthorised, nil
	}
	return "", err
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
	held, err := s.authorities.of(ctx, caller.ID, r.GetOrganisation())
	if err != nil {
		return nil, err
	}
	life := caller.ExpiresAt.Sub(now.Truncate(time.Second)) // tokens live by whole seconds
	if life < shortestSession {
		return nil, fault.New(fault.Unauthenticated, "", authn.ReasonTokenExpired, "the access token has expired")
	}
	minted, principal, err := s.minter.Mint(authn.Grant{
		Subject: r.GetOrganisation(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_RECIPIENT, Scopes: held.GetScopes(), Session: caller.Session, Actor: caller.ID, Life: life,
	})
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := insertSession(ctx, tx, sessionRow{id: principal.TokenID, recipient: principal.ID, person: principal.Actor, openedAt: now}); err != nil {
			return err
		}
		return recordActing(ctx, tx, principal, held.GetAuthority(), now)
	})
	if err != nil {
		return nil, err
	}
	count(ctx, s.metrics.sessions, "acting")
	return &viewingv1.ActForOrganisationResponse{
		SessionToken: minted, ExpiresAt: timestamppb.New(principal.ExpiresAt), Member: held.GetMember(), Address: held.GetAddress(), Scopes: principal.Scopes,
	}, nil
}

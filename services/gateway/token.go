package gateway

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// maxLooks is how many requests for tokens look their client up at one time.
const maxLooks = 8

// tokenService gives access tokens.
type tokenService struct {
	gatewayv1.UnsafeTokenServiceServer
	db       pg.DBTX
	clock    clock.Clock
	minter   *authn.Minter
	life     time.Duration
	audience string
	quota    *quota
	// looks are the requests whose client is being looked up.
	looks   *semaphore.Weighted
	witness *witness
	metrics *metrics
}

var _ gatewayv1.TokenServiceServer = (*tokenService)(nil)

// IssueToken authenticates a client and gives a token.
func (s *tokenService) IssueToken(ctx context.Context, r *gatewayv1.IssueTokenRequest) (*gatewayv1.IssueTokenResponse, error) {
	answer, err := s.issue(ctx, r)
	s.metrics.token(ctx, err)
	return answer, err
}

func (s *tokenService) issue(ctx context.Context, r *gatewayv1.IssueTokenRequest) (*gatewayv1.IssueTokenResponse, error) {
	// A flood of them waits here, and leaves the database to others.
	if err := s.looks.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	c, err := s.authenticate(ctx, r)
	s.looks.Release(1)
	if err != nil {
		// If the fact cannot be stored, that error matters more.
		if failure := s.witness.refused(ctx, c, err); failure != nil {
			return nil, failure
		}
		if fault.KindOf(err) == fault.Unauthenticated {
			err = s.quota.failure(toldOrigin(ctx), r.GetClientId(), err)
		}
		return nil, err
	}
	// Only an authenticated client uses up the client's quota; otherwise anybody could lock it out.
	if err := s.quota.tokens(c.ID); err != nil {
		return nil, err
	}
	scopes, ok := c.grant(r.GetScope())
	if !ok {
		return nil, invalidScope()
	}
	token, p, err := s.minter.Mint(authn.Grant{Subject: c.Principal.String(), Kind: c.Kind, Scopes: scopes, Client: c.ID, Life: s.life})
	if err != nil {
		return nil, err
	}
	if err := s.witness.authenticated(ctx, c, p); err != nil {
		return nil, err
	}
	return &gatewayv1.IssueTokenResponse{
		AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(s.life / time.Second), Scope: strings.Join(scopes, " "),
	}, nil
}

// authenticate finds the client and checks its proof. If the client exists but is refused, it is returned with the refusal. The
// reason for the refusal stays in the log and in the journal.
func (s *tokenService) authenticate(ctx context.Context, r *gatewayv1.IssueTokenRequest) (client, error) {
	if (r.GetClientSecret() == "") == (r.GetClientAssertion() == "") {
		return client{}, invalidClient(notOneProof)
	}
	c, found, err := clientByID(ctx, s.db, r.GetClientId())
	switch {
	case err != nil:
		return client{}, pg.AsFault(err, nil)
	case !found:
		return client{}, invalidClient(unknownClient)
	case !c.usable():
		return c, invalidClient(notUsable)
	case r.GetClientSecret() != "":
		if !c.secretMatches(r.GetClientSecret()) {
			return c, invalidClient(otherSecret)
		}
		return c, nil
	default:
		return c, s.takeAssertion(ctx, c, r.GetClientAssertion())
	}
}

// takeAssertion verifies a client assertion and remembers it, so that it can be used only once.
func (s *tokenService) takeAssertion(ctx context.Context, c client, assertion string) error {
	if c.PublicJWK == "" {
		return invalidClient(noKey)
	}
	public, err := authn.ParsePublicKey([]byte(c.PublicJWK))
	if err != nil {
		return invalidClient(errors.Join(assertionRefused, err))
	}
	claims, err := verifyAssertion(assertion, public, c.ID, s.audience, s.clock.Now())
	if err != nil {
		return invalidClient(errors.Join(assertionRefused, err))
	}
	fresh, err := useAssertion(ctx, s.db, c.ID, claims.ID, claims.expires())
	if err != nil {
		return pg.AsFault(err, nil)
	}
	if !fresh {
		return invalidClient(assertionRepeated)
	}
	return nil
}

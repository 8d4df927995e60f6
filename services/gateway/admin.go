package gateway

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// adminService makes principals and manages their credentials for the operator.
type adminService struct {
	gatewayv1.UnsafePrincipalAdminServiceServer
	db      pg.DBTX
	journal *journal.Journal
	clock   clock.Clock
	address addressv1.AddressServiceClient
}

var _ gatewayv1.PrincipalAdminServiceServer = (*adminService)(nil)

// CreateInstitution has the address unit keep the institution, and makes its principal with the first credentials. If it ends
// between the two, a repeated call makes the principal.
func (s *adminService) CreateInstitution(ctx context.Context, r *gatewayv1.CreateInstitutionRequest) (*gatewayv1.CreateInstitutionResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := s.address.RegisterInstitution(ctx, &addressv1.RegisterInstitutionRequest{
		Institution: r.GetInstitution(), BusinessDocument: r.GetBusinessDocument(), RegistrationDocument: r.GetRegistrationDocument(), Operator: caller.ID,
	})
	if err != nil {
		return nil, err
	}
	institution := kept.GetInstitution()
	tenant, err := parseID("institution.id", institution.GetId())
	if err != nil {
		return nil, err
	}
	p := principal{ID: tenant, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Version: 1, CreatedAt: s.clock.Now()}
	c, secret := newClient(p, nil, "", p.CreatedAt)
	var made bool
	err = s.journal.InTx(ctx, func(tx *journal.Tx) (err error) {
		if made, err = insertPrincipal(ctx, tx, p); err != nil || !made {
			return err
		}
		if err := addClient(ctx, tx, c, caller.ID); err != nil {
			return err
		}
		return statePrincipalChanged(ctx, tx, p, institution.GetAddress(), caller.ID, p.CreatedAt)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	answer := &gatewayv1.CreateInstitutionResponse{Institution: institution}
	if made {
		answer.Credentials = &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret}
	}
	return answer, nil
}

// CreateClient gives a principal further credentials.
func (s *adminService) CreateClient(ctx context.Context, r *gatewayv1.CreateClientRequest) (*gatewayv1.CreateClientResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	owner, err := parseID("principal", r.GetPrincipal())
	if err != nil {
		return nil, err
	}
	if r.GetPublicJwk() != "" {
		if _, err := authn.ParsePublicKey([]byte(r.GetPublicJwk())); err != nil {
			return nil, invalidField("publicJwk", "jwk", "must be the JWK of a public P-256 key for ES256")
		}
	}
	var c client
	var secret string
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		p, found, err := lockPrincipal(ctx, tx, owner)
		if err != nil {
			return err
		}
		if !found {
			return principalNotFound()
		}
		for _, scope := range r.GetScopes() {
			if !slices.Contains(authn.Scopes(p.Kind), scope) {
				return invalidScope()
			}
		}
		n, err := countClients(ctx, tx, owner)
		if err != nil {
			return err
		}
		if n >= maxClients {
			return tooManyClients()
		}
		c, secret = newClient(p, r.GetScopes(), r.GetPublicJwk(), s.clock.Now())
		return addClient(ctx, tx, c, caller.ID)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.CreateClientResponse{Client: clientProto(c), Credentials: &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret}}, nil
}

// RevokeClient ends credentials; revoking again changes nothing. The last of an operator stay, so that no stolen token locks
// operators out.
func (s *adminService) RevokeClient(ctx context.Context, r *gatewayv1.RevokeClientRequest) (*gatewayv1.RevokeClientResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := lockOperators(ctx, tx); err != nil {
			return err
		}
		operators, err := operatorClients(ctx, tx)
		if err != nil {
			return err
		}
		if len(operators) == 1 && operators[0].ID == r.GetClientId() {
			return lastOperator()
		}
		owner, revoked, found, err := revokeClient(ctx, tx, r.GetClientId(), now)
		switch {
		case err != nil:
			return err
		case !found:
			return clientNotFound()
		case !revoked:
			return nil
		}
		return recordClientRevoked(ctx, tx, r.GetClientId(), owner, caller.ID, now)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.RevokeClientResponse{}, nil
}

// addClient keeps credentials and states that they were made.
func addClient(ctx context.Context, tx *journal.Tx, c client, by string) error {
	if err := insertClient(ctx, tx, c); err != nil {
		return err
	}
	return recordClientCreated(ctx, tx, c, by)
}

func clientProto(c client) *gatewayv1.Client {
	return &gatewayv1.Client{ClientId: c.ID, Principal: c.Principal.String(), Kind: c.Kind, Scopes: c.Scopes, CreatedAt: timestamppb.New(c.CreatedAt)}
}

func parseID(field, text string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, invalidField(field, "string.uuid", "must be a UUID")
	}
	return parsed, nil
}

package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// adminService manages principals for the operator.
type adminService struct {
	gatewayv1.UnsafePrincipalAdminServiceServer
	db           pg.DBTX
	journal      *journal.Journal
	clock        clock.Clock
	log          *slog.Logger
	registration *registration
	box          *sealed.Box
}

var _ gatewayv1.PrincipalAdminServiceServer = (*adminService)(nil)

// CreateInstitution makes a sender and starts the registration of its address.
func (s *adminService) CreateInstitution(ctx context.Context, r *gatewayv1.CreateInstitutionRequest) (*gatewayv1.CreateInstitutionResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	wanted := institutionOf(r.GetInstitution())
	if existing, found, err := institutionByAddress(ctx, s.db, wanted.Address); err != nil || found {
		return s.repeat(ctx, wanted, existing, err)
	}
	wanted.principal = principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER, Name: wanted.Name, Version: 1, CreatedAt: s.clock.Now()}
	credentials, err := s.insertInstitution(ctx, wanted, r, caller.ID)
	if errors.Is(err, fault.Exists) {
		// Somebody made it between the look and the insert.
		existing, _, err := institutionByAddress(ctx, s.db, wanted.Address)
		return s.repeat(ctx, wanted, existing, err)
	}
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	state := s.registration.now(ctx, dueRegistration{institution: wanted, Attempt: 0}, r.GetBusinessDocument(), r.GetRegistrationDocument())
	return &gatewayv1.CreateInstitutionResponse{Institution: institutionProto(wanted, state), Credentials: credentials}, nil
}

// repeat answers a request whose address is known: the same institution without credentials, or why not.
func (s *adminService) repeat(ctx context.Context, wanted, existing institution, err error) (*gatewayv1.CreateInstitutionResponse, error) {
	switch {
	case err != nil:
		return nil, pg.AsFault(err, nil)
	case existing.BusinessNumber != wanted.BusinessNumber:
		return nil, addressTaken()
	case !existing.same(wanted):
		return nil, institutionDiffers()
	}
	states, err := s.registration.states(ctx, existing)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.CreateInstitutionResponse{Institution: institutionProto(existing, states[existing.ID])}, nil
}

// insertInstitution commits principal, credentials, facts and the due registration together.
func (s *adminService) insertInstitution(ctx context.Context, i institution, r *gatewayv1.CreateInstitutionRequest, actor string) (*gatewayv1.Credentials, error) {
	due, err := s.registration.seal(i, r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return nil, err
	}
	first := submission{Number: i.Submission, Operator: actor, SubmittedAt: i.CreatedAt}
	fact, err := s.submitted(ctx, i, first, r.GetBusinessDocument(), r.GetRegistrationDocument())
	if err != nil {
		return nil, err
	}
	c, secret := newClient(i.principal, nil, "", i.CreatedAt)
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := insertPrincipal(ctx, tx, i.principal); err != nil {
			return err
		}
		if err := insertInstitution(ctx, tx, i); err != nil {
			return err
		}
		if err := insertRegistration(ctx, tx, due, s.registration.lease()); err != nil {
			return err
		}
		if err := recordSubmission(ctx, tx, i, first, fact); err != nil {
			return err
		}
		if err := addClient(ctx, tx, c, actor); err != nil {
			return err
		}
		return principalChanged(ctx, tx, i.principal, nil, i.Address, actor, i.CreatedAt)
	})
	if err != nil {
		return nil, err
	}
	return &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret}, nil
}

// GetInstitution tells one institution.
func (s *adminService) GetInstitution(ctx context.Context, r *gatewayv1.GetInstitutionRequest) (*gatewayv1.GetInstitutionResponse, error) {
	wanted, err := parseID("id", r.GetId())
	if err != nil {
		return nil, err
	}
	found, state, err := s.institution(ctx, wanted)
	if err != nil {
		return nil, err
	}
	return &gatewayv1.GetInstitutionResponse{Institution: institutionProto(found, state)}, nil
}

// institution reads one with the state of its address.
func (s *adminService) institution(ctx context.Context, wanted uuid.UUID) (institution, gatewayv1.AddressState, error) {
	found, ok, err := institutionByID(ctx, s.db, wanted)
	switch {
	case err != nil:
		return institution{}, 0, pg.AsFault(err, nil)
	case !ok:
		return institution{}, 0, institutionNotFound()
	}
	states, err := s.registration.states(ctx, found)
	return found, states[wanted], err
}

// ListInstitutions lists, newest first.
func (s *adminService) ListInstitutions(ctx context.Context, r *gatewayv1.ListInstitutionsRequest) (*gatewayv1.ListInstitutionsResponse, error) {
	before, err := page.After(r.GetPageToken(), uuid.Max, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listInstitutions(ctx, s.db, before, size+1)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	found, next, err := page.Cut(found, size, func(last institution) uuid.UUID { return last.ID })
	if err != nil {
		return nil, err
	}
	answer := &gatewayv1.ListInstitutionsResponse{NextPageToken: next}
	states, err := s.registration.states(ctx, found...)
	if err != nil {
		return nil, err
	}
	for _, i := range found {
		answer.Institutions = append(answer.Institutions, institutionProto(i, states[i.ID]))
	}
	return answer, nil
}

// CreateViewingSystem makes a viewing system with its first credentials.
func (s *adminService) CreateViewingSystem(ctx context.Context, r *gatewayv1.CreateViewingSystemRequest) (*gatewayv1.CreateViewingSystemResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	senders, err := parseIDs("viewingSystem.senders", r.GetViewingSystem().GetSenders())
	if err != nil {
		return nil, err
	}
	p := principal{ID: id.New(), Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM, Name: r.GetViewingSystem().GetName(), Version: 1, CreatedAt: s.clock.Now()}
	c, secret := newClient(p, nil, "", p.CreatedAt)
	names := make([]string, len(senders))
	for i, sender := range senders {
		names[i] = sender.String()
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		known, err := countInstitutions(ctx, tx, senders)
		if err != nil {
			return err
		}
		if known != len(senders) {
			return institutionNotFound()
		}
		if err := insertPrincipal(ctx, tx, p); err != nil {
			return err
		}
		if err := insertServedSenders(ctx, tx, p.ID, senders); err != nil {
			return err
		}
		if err := record(ctx, tx, p.ID.String(), 0, caller.ID, p.CreatedAt, &gatewayv1.ViewingSystemCreated{Name: p.Name}); err != nil {
			return err
		}
		if err := addClient(ctx, tx, c, caller.ID); err != nil {
			return err
		}
		return principalChanged(ctx, tx, p, names, "", caller.ID, p.CreatedAt)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.CreateViewingSystemResponse{
		ViewingSystem: &gatewayv1.ViewingSystem{Id: p.ID.String(), Name: p.Name, Senders: names, CreatedAt: timestamppb.New(p.CreatedAt)},
		Credentials:   &gatewayv1.Credentials{ClientId: c.ID, ClientSecret: secret},
	}, nil
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

// RevokeClient ends credentials; revoking again changes nothing.
func (s *adminService) RevokeClient(ctx context.Context, r *gatewayv1.RevokeClientRequest) (*gatewayv1.RevokeClientResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	now := s.clock.Now()
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		owner, revoked, found, err := revokeClient(ctx, tx, r.GetClientId(), now)
		switch {
		case err != nil:
			return err
		case !found:
			return clientNotFound()
		case !revoked:
			return nil
		}
		return record(ctx, tx, r.GetClientId(), 0, caller.ID, now, &gatewayv1.ClientRevoked{Principal: owner.String()})
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &gatewayv1.RevokeClientResponse{}, nil
}

func institutionOf(m *gatewayv1.Institution) institution {
	return institution{
		principal: principal{Name: m.GetName()}, BusinessNumber: m.GetBusinessNumber(), Type: int16(m.GetType()), //nolint:gosec // one of six
		Address: fold(m.GetAddress()), Registration: stateDue, Submission: 1,
	}
}

func institutionProto(i institution, state gatewayv1.AddressState) *gatewayv1.Institution {
	return &gatewayv1.Institution{
		Id: i.ID.String(), Name: i.Name, BusinessNumber: i.BusinessNumber, Type: gatewayv1.OrganisationType(i.Type), Address: i.Address,
		AddressState: state, CreatedAt: timestamppb.New(i.CreatedAt), Suspended: i.Suspended,
	}
}

func clientProto(c client) *gatewayv1.Client {
	return &gatewayv1.Client{ClientId: c.ID, Principal: c.Principal.String(), Kind: c.Kind, Scopes: c.Scopes, CreatedAt: timestamppb.New(c.CreatedAt)}
}

func parseIDs(field string, texts []string) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = parseID(field+"["+strconv.Itoa(i)+"]", text); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func parseID(field, text string) (uuid.UUID, error) {
	parsed, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil, invalidField(field, "string.uuid", "must be a UUID")
	}
	return parsed, nil
}

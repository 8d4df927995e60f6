package address

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// addressServer serves the other units.
type addressServer struct {
	addressv1.UnsafeAddressServiceServer
	*service
}

var _ addressv1.AddressServiceServer = (*addressServer)(nil)

// ResolveIdentity gives the recipient id of a proved person, making one where there is none.
func (s *addressServer) ResolveIdentity(ctx context.Context, r *addressv1.ResolveIdentityRequest) (*addressv1.ResolveIdentityResponse, error) {
	p := person{CI: r.GetCi(), Name: r.GetName(), BirthDate: r.GetBirthDate(), Phone: r.GetPhone()}.normalised()
	for _, f := range []struct{ name, value string }{{"name", p.Name}, {"birthDate", p.BirthDate}, {"phone", p.Phone}, {"assertionDigest", r.GetAssertionDigest()}} {
		if f.value == "" {
			return nil, errInvalid(f.name, "required", "is part of an identity proof")
		}
	}
	if r.GetProvedAt() == nil {
		return nil, errInvalid("provedAt", "required", "is part of an identity proof")
	}
	recipient, err := s.resolveIdentity(ctx, p, &addressv1.IdentityProved{Issuer: r.GetIssuer(), ProvedAt: r.GetProvedAt(), AssertionDigest: r.GetAssertionDigest()})
	if err != nil {
		return nil, fmt.Errorf("resolve identity: %w", err)
	}
	m, known, err := readMember(ctx, s.db, recipient)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.ResolveIdentityResponse{Recipient: recipient.String()}
	if known && m.state != memberWithdrawn {
		answer.Member, answer.Address = true, m.address
	}
	return answer, nil
}

// TakeAuthority answers whether a person may act for an organisation now.
func (s *addressServer) TakeAuthority(ctx context.Context, r *addressv1.TakeAuthorityRequest) (*addressv1.TakeAuthorityResponse, error) {
	who, err := uuid.Parse(r.GetPerson())
	if err != nil {
		return nil, errNotAuthorised()
	}
	organisation, err := uuid.Parse(r.GetOrganisation())
	if err != nil {
		return nil, errNotAuthorised()
	}
	held, err := s.takeAuthority(ctx, who, organisation)
	if err != nil {
		return nil, err
	}
	m, known, err := readMember(ctx, s.db, organisation)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.TakeAuthorityResponse{Authority: held.id.String(), Role: held.role, Scopes: held.rights.scopes()}
	if known && m.state != memberWithdrawn {
		answer.Member, answer.Address = true, m.address
	}
	return answer, nil
}

// ConfirmAddress asks the hub about an own address. If a person's address is missing there, it is registered again with its first
// time. For the address of an institution or organisation the hub needs the papers again, which somebody must supply.
func (s *addressServer) ConfirmAddress(ctx context.Context, r *addressv1.ConfirmAddressRequest) (*addressv1.ConfirmAddressResponse, error) {
	found, known, err := readAddress(ctx, s.db, foldAddress(r.GetAddress()))
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, errAddressUnknown()
	}
	if found.state != addressRegistered {
		return &addressv1.ConfirmAddressResponse{}, nil
	}
	started := s.clock.Now()
	owner, err := s.hub.GetAddressOwner(ctx, &hubv1.GetAddressOwnerRequest{Address: found.address})
	s.metrics.registration(ctx, callOwner, outcomeOf(err))
	keepErr := insertAttempt(context.WithoutCancel(ctx), s.db, attempt{
		subject: found.address, call: callOwner, number: 1, outcome: outcomeOf(err), startedAt: started, endedAt: s.clock.Now(),
	})
	switch {
	case err != nil:
		return nil, errHubUnavailable(err)
	case keepErr != nil:
		return nil, keepErr
	case owner.GetExists():
		return &addressv1.ConfirmAddressResponse{Registered: true}, nil
	}
	if err := s.registerMissing(ctx, found); err != nil {
		return nil, fmt.Errorf("confirm address: %w", err)
	}
	return &addressv1.ConfirmAddressResponse{}, nil
}

// registerMissing starts the registration of an address again that the hub has lost.
func (s *service) registerMissing(ctx context.Context, missed registration) error {
	s.metrics.missing.Add(ctx, 1)
	s.log.LogAttrs(ctx, slog.LevelError, "the hub does not know an address it had confirmed", slog.String("address", missed.address),
		slog.Bool("member", missed.ofMember()))
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		a, r, err := s.lockOwner(ctx, tx, missed)
		if err != nil || r.state != addressRegistered {
			return err
		}
		now := s.clock.Now()
		if a.papers != uuid.Nil {
			r.state, r.refusal, r.refusedAt = addressRefused, missingAtHub, &now
		} else {
			r.state = addressRegistering
			if err := setDueAddress(ctx, tx, r.address); err != nil {
				return err
			}
		}
		return s.keepStep(ctx, tx, r, step{}, addressv1.HubStep_HUB_STEP_MISSING, "", now)
	})
	s.wakeUp()
	return err
}

package address

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// addressServer serves the other units.
type addressServer struct {
	addressv1.UnsafeAddressServiceServer
	*service
}

var _ addressv1.AddressServiceServer = (*addressServer)(nil)

// addressForm: no white space, nothing invisible (gateway.v1.Institution.address).
var addressForm = regexp.MustCompile(`^[^\s\p{C}]+$`)

// Bounds of an institution's address after folding, in characters.
const (
	minAddress = 3
	maxAddress = 100
)

// RegisterOrganisation keeps an institution's address and makes its registration due at the hub. A repeat answers the state; for an
// address the hub refused a later submission tries again with the name and papers given now.
func (s *addressServer) RegisterOrganisation(ctx context.Context, r *addressv1.RegisterOrganisationRequest) (*addressv1.RegisterOrganisationResponse, error) {
	principal, err := uuid.Parse(r.GetPrincipal())
	if err != nil {
		return nil, errInvalid("principal", "string.uuid", "is a principal id")
	}
	address := foldAddress(r.GetAddress())
	if n := utf8.RuneCountInString(address); n < minAddress || n > maxAddress || !addressForm.MatchString(address) {
		return nil, errInvalid("address", "address.form", "has 3 to 100 characters without white space")
	}
	o, given, err := s.sealOrganisation(ctx, principal, address, r)
	if err != nil {
		return nil, err
	}
	var state string
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		state, err = s.registerAddress(ctx, tx, o, given)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("register organisation %s: %w", principal, err)
	}
	s.wakeUp()
	return &addressv1.RegisterOrganisationResponse{State: addressState(state)}, nil
}

// sealOrganisation prepares, before any transaction, what is kept of an institution.
func (s *service) sealOrganisation(ctx context.Context, principal uuid.UUID, address string, r *addressv1.RegisterOrganisationRequest) (organisation, papers, error) {
	o := organisation{principal: principal, address: address, kind: int16(r.GetType()), submission: max(r.GetSubmission(), 1)} //nolint:gosec // 1 to 9
	var err error
	if o.business, err = s.matcher.business(ctx, r.GetBusinessNumber()); err != nil {
		return o, papers{}, err
	}
	plain, err := json.Marshal(company{Name: r.GetName(), BusinessNumber: r.GetBusinessNumber()})
	if err != nil {
		return o, papers{}, errors.New("encode institution")
	}
	if o.sealed, err = s.box.Seal(ctx, sealed.Member, principal.String(), plain); err != nil {
		return o, papers{}, fmt.Errorf("seal institution %s: %w", principal, err)
	}
	kept, err := s.sealPapers(ctx, o, r.GetBusinessDocument(), r.GetRegistrationDocument())
	return o, kept, err
}

// registerAddress makes the address or answers what became of it.
func (s *service) registerAddress(ctx context.Context, tx *journal.Tx, o organisation, given papers) (state string, err error) {
	now := s.clock.Now()
	r := registration{address: o.address, principal: o.principal, state: addressRegistering, validFrom: now}
	free, err := insertAddress(ctx, tx, r, now)
	if err != nil {
		return "", err
	}
	ask := free
	if free {
		err = insertOrganisation(ctx, tx, o, now)
	} else {
		r, ask, err = s.askedBefore(ctx, tx, o, now)
	}
	if err != nil || !ask {
		return r.state, err
	}
	if err := keepPapers(ctx, tx, o.principal, given); err != nil {
		return "", err
	}
	message := &addressv1.OrganisationAddressAsked{Principal: o.principal.String(), ValidFrom: timestamppb.New(r.validFrom)}
	if err := record(ctx, tx, o.address, o.submission, "unit:gateway", now, message); err != nil {
		return "", err
	}
	return r.state, setDueAddress(ctx, tx, o.address)
}

// askedBefore answers what became of the institution's address, and brings one the hub refused back to its beginning where name and
// papers were submitted again. What was said before the refusal may come once more after it, and must not ask the hub again. The
// address's lock is the submissions' too.
func (s *service) askedBefore(ctx context.Context, tx *journal.Tx, o organisation, now time.Time) (r registration, ask bool, err error) {
	if r, _, err = lockAddress(ctx, tx, o.address); err != nil {
		return r, false, err
	}
	before, known, err := readOrganisation(ctx, tx, o.principal)
	switch {
	case err != nil:
		return r, false, err
	case !known:
		return r, false, errAddressTaken()
	case before.address != o.address:
		return r, false, errOtherAddress()
	case r.state != addressRefused, o.submission <= before.submission:
		return r, false, nil
	}
	r.state = addressRegistering
	if err := updateAddress(ctx, tx, r, "", now); err != nil {
		return r, false, err
	}
	return r, true, updateOrganisation(ctx, tx, o)
}

// GetAddressState tells how far principals' addresses are; who asked for none is left out.
func (s *addressServer) GetAddressState(ctx context.Context, r *addressv1.GetAddressStateRequest) (*addressv1.GetAddressStateResponse, error) {
	principals := make([]uuid.UUID, 0, len(r.GetPrincipals()))
	for i, text := range r.GetPrincipals() {
		principal, err := uuid.Parse(text)
		if err != nil {
			return nil, errInvalid(fmt.Sprintf("principals[%d]", i), "string.uuid", "is a principal id")
		}
		principals = append(principals, principal)
	}
	states, err := readAddressStates(ctx, s.db, principals)
	if err != nil {
		return nil, err
	}
	answer := &addressv1.GetAddressStateResponse{States: make(map[string]gatewayv1.AddressState, len(states))}
	for principal, state := range states {
		answer.States[principal.String()] = addressState(state)
	}
	return answer, nil
}

func addressState(state string) gatewayv1.AddressState {
	switch state {
	case addressRegistering:
		return gatewayv1.AddressState_ADDRESS_STATE_PENDING
	case addressRegistered:
		return gatewayv1.AddressState_ADDRESS_STATE_REGISTERED
	case addressRefused:
		return gatewayv1.AddressState_ADDRESS_STATE_REFUSED
	case addressWithdrawn:
		return gatewayv1.AddressState_ADDRESS_STATE_WITHDRAWN
	default:
		return gatewayv1.AddressState_ADDRESS_STATE_UNSPECIFIED
	}
}

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

// ConfirmAddress asks the hub for an own address. A member's address that is missing is registered again with its first time; an
// institution's needs its papers again, which an operator gives.
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

// registerMissing begins again with an address the hub has lost.
func (s *service) registerMissing(ctx context.Context, missed registration) error {
	s.metrics.missing.Add(ctx, 1)
	s.log.LogAttrs(ctx, slog.LevelError, "the hub does not know an address it had confirmed", slog.String("address", missed.address),
		slog.Bool("member", missed.ofMember()))
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		_, r, err := s.lockOwner(ctx, tx, missed)
		if err != nil || r.state != addressRegistered {
			return err
		}
		r.state = addressRefused
		if r.ofMember() {
			r.state = addressRegistering
			if err := setDueAddress(ctx, tx, r.address); err != nil {
				return err
			}
		}
		return s.keepStep(ctx, tx, r, step{}, addressv1.HubStep_HUB_STEP_MISSING, "", s.clock.Now())
	})
	s.wakeUp()
	return err
}

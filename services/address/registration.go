package address

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/work"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// Names of the calls to the hub about addresses.
const (
	callRegisterPerson       = "register_person_address"
	callRegisterOrganisation = "register_organisation_address"
	callWithdraw             = "withdraw_address"
	callOwner                = "get_address_owner"
	callWithdrawn            = "get_withdrawn_addresses"
)

// step is the hub's answer to one step of an address.
type step struct {
	call, exchange string
	already        bool
}

// ofMember reports whether the address is a member's (a person or an organisation); otherwise it is an institution's.
func (r registration) ofMember() bool { return r.recipient != uuid.Nil }

// tellHub makes the next call to the hub for an address; the address's state says which one.
func (s *service) tellHub(ctx context.Context, mine claim) error {
	r, known, err := readAddress(ctx, s.db, mine.key)
	if err != nil {
		return err
	}
	var call func(context.Context, registration) (step, error)
	register := known && r.sought() && r.givenUpAt == nil
	switch {
	case register && r.ofMember():
		call = s.registerMember
	case register:
		call = s.registerInstitutionAtHub
	case known && r.state == addressWithdrawn && r.removedAt == nil:
		call = s.withdrawAtHub
	default:
		return dueAddresses.finish(ctx, s.db, s.owner, mine)
	}
	started := s.clock.Now()
	made, err := call(ctx, r)
	// A result is written even if the call used up the item's time.
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	s.metrics.registration(ctx, made.call, outcomeOf(err))
	keepErr := insertAttempt(ctx, s.db, attempt{
		subject: r.address, call: made.call, number: mine.attempt, outcome: outcomeOf(err), exchange: made.exchange,
		startedAt: started, endedAt: s.clock.Now(),
	})
	switch {
	case err == nil && keepErr == nil:
		return s.settleStep(ctx, mine, r, made)
	case err != nil && refused(err) && r.sought():
		return errors.Join(keepErr, s.settleRefusal(ctx, mine, r, err))
	default:
		failures := mine.failures + 1
		wait := s.config.Registration.Delay(int(failures))
		s.log.LogAttrs(ctx, slog.LevelWarn, "the hub was not told of an address", slog.String("address", r.address), slog.String("call", made.call),
			slog.String("outcome", outcomeOf(errors.Join(err, keepErr))), slog.Duration("again_in", wait))
		return dueAddresses.settle(ctx, s.db, s.owner, mine, wait, failures)
	}
}

// registerMember sends the same registration time with every attempt: the address is valid from the joining, whenever the hub
// answers.
func (s *service) registerMember(ctx context.Context, r registration) (step, error) {
	made := step{call: callRegisterPerson}
	i, known, err := readIdentity(ctx, s.db, r.recipient)
	switch {
	case err != nil || !known:
		return made, errors.Join(err, missing(known, "identity of an address"))
	case i.organisation():
		return s.registerOrganisation(ctx, r, i.application)
	}
	p, err := s.openPerson(ctx, i)
	if err != nil {
		return made, err
	}
	answer, err := s.hub.RegisterPersonAddress(ctx, &hubv1.RegisterPersonAddressRequest{
		Ci: p.CI, Address: r.address, Name: p.Name, BirthDate: p.BirthDate, Phone: p.Phone, RegisteredAt: timestamppb.New(r.validFrom),
	})
	made.exchange, made.already = answer.GetExchange(), answer.GetAlreadyRegistered()
	return made, err
}

func missing(known bool, what string) error {
	if known {
		return nil
	}
	return fmt.Errorf("%s is missing", what)
}

func (s *service) registerInstitutionAtHub(ctx context.Context, r registration) (step, error) {
	i, known, err := readInstitution(ctx, s.db, r.principal)
	if err != nil || !known {
		return step{call: callRegisterOrganisation}, errors.Join(err, missing(known, "institution of an address"))
	}
	return s.registerCompany(ctx, r, i.kind, i.sealed, i.submitted())
}

func (s *service) registerOrganisation(ctx context.Context, r registration, application uuid.UUID) (step, error) {
	a, known, err := readApplication(ctx, s.db, application)
	if err != nil || !known {
		return step{call: callRegisterOrganisation}, errors.Join(err, missing(known, "application of an organisation"))
	}
	return s.registerCompany(ctx, r, a.kind, a.sealed, a.submitted())
}

// registerCompany registers what is no person, with what was submitted about it.
func (s *service) registerCompany(ctx context.Context, r registration, kind int16, sealedCompany []byte, of submitted) (step, error) {
	made := step{call: callRegisterOrganisation}
	c, err := s.openCompany(ctx, of.owner, sealedCompany)
	if err != nil {
		return made, err
	}
	business, registrationPaper, err := s.openPapers(ctx, of)
	if err != nil {
		return made, err
	}
	answer, err := s.hub.RegisterOrganisationAddress(ctx, &hubv1.RegisterOrganisationAddressRequest{
		BusinessNumber: c.BusinessNumber, Address: r.address, Name: c.Name, Type: addressv1.OrganisationType(kind),
		RegisteredAt: timestamppb.New(r.validFrom), BusinessDocument: business, RegistrationDocument: registrationPaper,
	})
	made.exchange, made.already = answer.GetExchange(), answer.GetAlreadyRegistered()
	return made, err
}

func (s *service) withdrawAtHub(ctx context.Context, r registration) (step, error) {
	made := step{call: callWithdraw}
	answer, err := s.hub.WithdrawAddress(ctx, &hubv1.WithdrawAddressRequest{Address: r.address, WithdrawnAt: timestamppb.New(*r.validUntil)})
	made.exchange = answer.GetExchange()
	return made, err
}

// settleStep writes what the hub confirmed. If the address was withdrawn during its registration, the withdrawal is the next
// step.
func (s *service) settleStep(ctx context.Context, mine claim, r registration, made step) error {
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		a, r, err := s.lockOwner(ctx, tx, r)
		if err != nil {
			return err
		}
		now := s.clock.Now()
		switch {
		case made.call == callWithdraw:
			r.removedAt = &now
			if err := dueAddresses.finish(ctx, tx, s.owner, mine); err != nil {
				return err
			}
			return s.keepStep(ctx, tx, r, made, addressv1.HubStep_HUB_STEP_WITHDRAWN, "", now)
		case r.sought():
			if err := dueAddresses.finish(ctx, tx, s.owner, mine); err != nil {
				return err
			}
			return s.registered(ctx, tx, a, r, made, now)
		default:
			if err := dueAddresses.settle(ctx, tx, s.owner, mine, 0, 0); err != nil {
				return err
			}
			return s.keepStep(ctx, tx, r, made, addressv1.HubStep_HUB_STEP_REGISTERED, "", now)
		}
	})
	if err == nil {
		s.wakeUp()
	}
	return err
}

// lockOwner locks, in the order all transactions keep, the member's identity, the audience's keys and the address.
func (s *service) lockOwner(ctx context.Context, tx *journal.Tx, r registration) (audience, registration, error) {
	var a audience
	if r.ofMember() {
		i, known, err := lockIdentity(ctx, tx, r.recipient)
		if err != nil || !known {
			return a, r, errors.Join(err, missing(known, "identity of an address"))
		}
		a = audienceOf(i, r.address)
	} else {
		i, known, err := readInstitution(ctx, tx, r.principal)
		if err != nil || !known {
			return a, r, errors.Join(err, missing(known, "institution of an address"))
		}
		a.papers = r.principal
		a.add(i.business)
		a.keys = append(a.keys, addressKey(r.address))
	}
	lockMatches(tx, true, a.keys...)
	locked, known, err := lockAddress(ctx, tx, r.address)
	return a, locked, errors.Join(err, missing(known || err != nil, "address"))
}

// keepStep writes the address and its history, and states the hub's answer.
func (s *service) keepStep(ctx context.Context, tx *journal.Tx, r registration, made step, said addressv1.HubStep, reason string, now time.Time) error {
	if err := updateAddress(ctx, tx, r, made.exchange, now); err != nil {
		return err
	}
	return recordAtHub(ctx, tx, r.address, made, said, reason, now)
}

// registered handles a confirmed address: it is stated once, its member becomes active, and waiting documents are resolved.
func (s *service) registered(ctx context.Context, tx *journal.Tx, a audience, r registration, made step, now time.Time) error {
	r = r.become(addressRegistered)
	if r.announcedAt != nil {
		if err := s.keepStep(ctx, tx, r, made, addressv1.HubStep_HUB_STEP_REGISTERED, "", now); err != nil {
			return err
		}
	} else {
		r.announcedAt = &now
		if err := updateAddress(ctx, tx, r, made.exchange, now); err != nil {
			return err
		}
		if err := s.stateAddressRegistered(ctx, tx, r, made, now); err != nil {
			return err
		}
	}
	if r.ofMember() {
		if err := s.activate(ctx, tx, r, now); err != nil {
			return err
		}
	}
	if a.papers != uuid.Nil {
		if err := dropPapers(ctx, tx, a.papers); err != nil {
			return err
		}
	}
	if err := hurryNameChange(ctx, tx, r.address); err != nil {
		return err
	}
	return s.resolveAgain(ctx, tx, a)
}

func (s *service) activate(ctx context.Context, tx *journal.Tx, r registration, now time.Time) error {
	m, known, err := readMember(ctx, tx, r.recipient)
	if err != nil || !known || m.state != memberRegistering || m.address != r.address {
		return err
	}
	m.state = memberActive
	if err := writeMember(ctx, tx, m); err != nil {
		return err
	}
	return stateJoined(ctx, tx, m, now)
}

// openPerson opens the present version of an identity.
func (s *service) openPerson(ctx context.Context, i identity) (person, error) {
	plain, err := s.box.Open(ctx, sealedMember, i.recipient.String(), i.sealed)
	if err != nil {
		return person{}, fmt.Errorf("open identity %s: %w", i.recipient, err)
	}
	var p person
	if err := json.Unmarshal(plain, &p); err != nil {
		return person{}, fmt.Errorf("open identity %s: its form is not known", i.recipient)
	}
	return p, nil
}

package address

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

const (
	roleRepresentative = addressv1.AuthorityRole_AUTHORITY_ROLE_REPRESENTATIVE
	roleAuthorised     = addressv1.AuthorityRole_AUTHORITY_ROLE_AUTHORISED
)

// maxAuthorities bounds the authorities in force for one organisation.
const maxAuthorities = 100

// mayAct is a fault unless the caller acts for an organisation with at least this role now. A session lives for minutes, and an
// authority may have ended since.
func mayAct(ctx context.Context, db pg.DBTX, who caller, least addressv1.AuthorityRole) error {
	if who.person == uuid.Nil {
		return errNotAnOrganisation()
	}
	held, known, err := authorityFor(ctx, db, who.person, who.recipient)
	if err == nil && (!known || held.role > least || held.person == uuid.Nil) {
		err = errNotAuthorised()
	}
	return err
}

// mayChange is a fault unless the caller is the person itself, or represents the organisation: neither proxies nor staff change a
// membership, or who else may act.
func mayChange(ctx context.Context, db pg.DBTX, who caller, i identity) error {
	switch {
	case i.organisation():
		return mayAct(ctx, db, who, roleRepresentative)
	case who.person != uuid.Nil:
		return errNotAuthorised()
	default:
		return nil
	}
}

// callerWhoMayChange is the caller, if mayChange lets it.
func (s *service) callerWhoMayChange(ctx context.Context) (caller, error) {
	who, err := callerOf(ctx)
	if err != nil {
		return caller{}, err
	}
	i, known, err := readIdentity(ctx, s.db, who.recipient)
	switch {
	case err != nil:
		return caller{}, err
	case !known:
		return caller{}, errNotAMember()
	}
	return who, mayChange(ctx, s.db, who, i)
}

// newAuthority prepares one; it runs before any transaction, because sealing may need a key.
func (s *service) newAuthority(ctx context.Context, role addressv1.AuthorityRole, to rights, name string, named match, grantedBy string) (authority, error) {
	a := authority{id: id.New(), role: role, rights: to, named: named, grantedBy: grantedBy}
	var err error
	if a.sealed, err = s.box.Seal(ctx, sealedMember, a.id.String(), []byte(name)); err != nil {
		return authority{}, fmt.Errorf("seal authority %s: %w", a.id, err)
	}
	return a, nil
}

// prepareRepresentative prepares the authority of an applicant.
func (s *service) prepareRepresentative(ctx context.Context, applicationID uuid.UUID, operator string) (authority, error) {
	a, known, err := readApplication(ctx, s.db, applicationID)
	if err != nil {
		return authority{}, err
	}
	if !known {
		return authority{}, errApplicationNotFound()
	}
	p, i, err := s.personOf(ctx, a.person)
	if err != nil {
		return authority{}, err
	}
	grant, err := s.newAuthority(ctx, roleRepresentative, allRights(), p.Name, i.named, operator)
	grant.person = a.person
	return grant, err
}

// personOf opens what is proved of a person.
func (s *service) personOf(ctx context.Context, recipient uuid.UUID) (person, identity, error) {
	i, known, err := readIdentity(ctx, s.db, recipient)
	if err != nil || !known {
		return person{}, i, errors.Join(err, missing(known, "identity"))
	}
	p, err := s.openPerson(ctx, i)
	return p, i, err
}

// makeRepresentative grants the authority to represent, unless the person has it already; a lesser one of the same person ends.
// The caller has locked the organisation's identity.
func makeRepresentative(ctx context.Context, tx *journal.Tx, o identity, grant authority, now time.Time) error {
	grant.organisation, grant.grantedAt = o.recipient, now
	held, known, err := authorityFor(ctx, tx, grant.person, o.recipient)
	if err != nil || known && held.role == roleRepresentative {
		return err
	}
	if !known {
		// Somebody else with these data has proved who it is, so it cannot be told who was named.
		if held, known, err = authorityNamed(ctx, tx, o.recipient, grant.named); err != nil {
			return err
		}
		known = known && held.person == uuid.Nil
	}
	if known {
		if err := held.ends(ctx, tx, ending{by: grant.grantedBy, at: now}); err != nil {
			return err
		}
	}
	return grants(ctx, tx, grant, "")
}

// grants writes and states an authority.
func grants(ctx context.Context, tx *journal.Tx, a authority, session string) error {
	if err := insertAuthority(ctx, tx, a); err != nil {
		return err
	}
	return recordGranted(ctx, tx, a, session)
}

// ending is how an authority ends: by whom, and an operator's reason or the session of a representative.
type ending struct {
	by, reason, session string
	at                  time.Time
}

// ends writes and states that an authority ended; one that has ended stays as it is.
func (a authority) ends(ctx context.Context, tx *journal.Tx, e ending) error {
	if a.endedAt != nil {
		return nil
	}
	a.endedAt, a.endedBy, a.reason = &e.at, e.by, e.reason
	if err := setAuthorityEnded(ctx, tx, a); err != nil {
		return err
	}
	return recordEnded(ctx, tx, a, e.session)
}

// authorise lets a further person act for the caller: for its organisation, or as its proxy. Who has an authority in force keeps
// it.
func (s *service) authorise(ctx context.Context, who caller, p person, to rights) (authority, error) {
	named, err := s.matcher.person(ctx, p.Name, p.BirthDate, p.Phone)
	if err != nil {
		return authority{}, err
	}
	grant, err := s.newAuthority(ctx, roleAuthorised, to, p.Name, named, who.actedBy())
	if err != nil {
		return authority{}, err
	}
	grant.organisation = who.recipient
	err = s.forPrincipal(ctx, who, to, func(tx *journal.Tx, i identity) error {
		if bytes.Equal(named.key, i.named.key) {
			return errInvalid("name", "proxy.other", "nobody is its own proxy")
		}
		m, known, err := readMember(ctx, tx, who.recipient)
		if err != nil {
			return err
		}
		if !known || m.state == memberWithdrawn {
			return errNotAMember()
		}
		held, known, err := authorityNamed(ctx, tx, who.recipient, named)
		if err != nil {
			return err
		}
		if known {
			grant = held
			return nil
		}
		all, _, err := countAuthorities(ctx, tx, who.recipient)
		switch {
		case err != nil:
			return err
		case all >= maxAuthorities:
			return errTooManyPersons()
		}
		grant.grantedAt = s.clock.Now()
		return grants(ctx, tx, grant, who.session)
	})
	if err != nil {
		return authority{}, fmt.Errorf("authorise a person: %w", err)
	}
	return grant, nil
}

// forPrincipal runs an act about who may act for the caller, an organisation by its representative or a person itself, with these
// rights, under the lock of its identity.
func (s *service) forPrincipal(ctx context.Context, who caller, to rights, act func(tx *journal.Tx, i identity) error) error {
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		i, known, err := lockIdentity(ctx, tx, who.recipient)
		switch {
		case err != nil:
			return err
		case !known:
			return errNotAMember()
		}
		if err := mayChange(ctx, tx, who, i); err != nil {
			return err
		}
		if !i.organisation() && !to.ofProxy() {
			return errInvalid("rights", "proxy.rights", "a person's proxy receives, looks and fetches certificates; whoever sends proves who it is")
		}
		return act(tx, i)
	})
}

// endAuthority ends an authority for the caller's organisation, but not the last one that represents a member.
func (s *service) endAuthority(ctx context.Context, who caller, authorityID uuid.UUID) error {
	err := s.forPrincipal(ctx, who, nil, func(tx *journal.Tx, _ identity) error {
		a, known, err := readAuthority(ctx, tx, who.recipient, authorityID)
		if err != nil {
			return err
		}
		if !known {
			return errAuthorityNotFound()
		}
		if a.role == roleRepresentative && a.endedAt == nil {
			if err := mayLack(ctx, tx, who.recipient); err != nil {
				return err
			}
		}
		return a.ends(ctx, tx, ending{by: who.actedBy(), session: who.session, at: s.clock.Now()})
	})
	if err != nil {
		return fmt.Errorf("end authority: %w", err)
	}
	return nil
}

// mayLack is a fault if an organisation is a member and has one representative left.
func mayLack(ctx context.Context, tx *journal.Tx, organisation uuid.UUID) error {
	m, _, err := readMember(ctx, tx, organisation)
	if err != nil || m.state == memberWithdrawn {
		return err
	}
	_, representatives, err := countAuthorities(ctx, tx, organisation)
	if err == nil && representatives < 2 {
		err = errLastRepresentative()
	}
	return err
}

// endByOperator ends any authority.
func (s *service) endByOperator(ctx context.Context, organisation, authorityID uuid.UUID, reason, operator string) error {
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := lockKnownOrganisation(ctx, tx, organisation); err != nil {
			return err
		}
		a, known, err := readAuthority(ctx, tx, organisation, authorityID)
		if err != nil {
			return err
		}
		if !known {
			return errAuthorityNotFound()
		}
		return a.ends(ctx, tx, ending{by: operator, reason: reason, at: s.clock.Now()})
	})
	if err != nil {
		return fmt.Errorf("end authority: %w", err)
	}
	return nil
}

func lockKnownOrganisation(ctx context.Context, tx *journal.Tx, organisation uuid.UUID) error {
	o, known, err := lockIdentity(ctx, tx, organisation)
	if err == nil && (!known || !o.organisation()) {
		err = errOrganisationNotFound()
	}
	return err
}

// takeAuthority gives a person's authority in force for an organisation. Who was named takes it by acting for the first time.
func (s *service) takeAuthority(ctx context.Context, who, organisation uuid.UUID) (authority, error) {
	held, known, err := authorityFor(ctx, s.db, who, organisation)
	switch {
	case err != nil:
		return authority{}, err
	case !known:
		return authority{}, errNotAuthorised()
	case held.person != uuid.Nil:
		return held, nil
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, _, err := lockIdentity(ctx, tx, organisation); err != nil {
			return err
		}
		if held, known, err = authorityFor(ctx, tx, who, organisation); err != nil {
			return err
		}
		if !known {
			return errNotAuthorised()
		}
		if held.person != uuid.Nil {
			return nil
		}
		held.person = who
		if err := setAuthorityTaken(ctx, tx, held.id, who); err != nil {
			return err
		}
		return recordTaken(ctx, tx, held, s.clock.Now())
	})
	if err != nil {
		return authority{}, fmt.Errorf("take authority: %w", err)
	}
	return held, nil
}

package address

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
)

// addressBytes of randomness: 32 characters of base32, which nobody can guess and which say nothing about the person.
const addressBytes = 20

func randomAddress() string {
	b := make([]byte, addressBytes)
	_, _ = rand.Read(b) // never fails: it ends the process instead
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// join is idempotent: a member stays as it is. It tries another address only if the hub refused the first.
func (s *service) join(ctx context.Context, who caller, terms string) (member, error) {
	var m member
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		i, known, err := lockIdentity(ctx, tx, who.recipient)
		switch {
		case err != nil:
			return err
		case !known:
			return errNotAMember()
		case i.organisation() || who.person != uuid.Nil: // nor does a proxy join in somebody's name
			return errNotForOrganisations()
		}
		var had bool
		if m, had, err = readMember(ctx, tx, who.recipient); err != nil {
			return err
		}
		if had && m.state != memberWithdrawn {
			return s.tryAnotherAddress(ctx, tx, &m, who)
		}
		return s.begins(ctx, tx, who, terms, &m, s.clock.Now())
	})
	if err != nil {
		return member{}, fmt.Errorf("join: %w", err)
	}
	s.wakeUp()
	return m, nil
}

// begins makes or renews a membership with a new address. Consent and designation were given at a time.
func (s *service) begins(ctx context.Context, tx *journal.Tx, who caller, terms string, m *member, given time.Time) error {
	now := s.clock.Now()
	*m = member{
		recipient: who.recipient, generation: m.generation + 1, state: memberRegistering, address: randomAddress(), joinedAt: now,
		termsVersion: terms, consentedAt: &given, designatedAt: &given, choices: m.choices, addressState: addressRegistering,
	}
	if err := s.newAddress(ctx, tx, *m, now); err != nil {
		return err
	}
	for _, matter := range []string{matterConsent, matterDesignation} {
		if err := insertConsent(ctx, tx, m.recipient, matter, true, terms, who.session, given); err != nil {
			return err
		}
	}
	return recordAsked(ctx, tx, *m, who, now)
}

// tryAnotherAddress gives a member another address in place of one the hub refused. A member who has joined joins again with it.
func (s *service) tryAnotherAddress(ctx context.Context, tx *journal.Tx, m *member, who caller) error {
	r, known, err := lockAddress(ctx, tx, m.address)
	if err != nil || !known || r.state != addressRefused {
		return err
	}
	now := s.clock.Now()
	if err := s.endAddress(ctx, tx, *m, who, now); err != nil {
		return err
	}
	if m.state == memberActive {
		m.state, m.generation = memberRegistering, m.generation+1
	}
	m.address, m.addressState, m.askedAgainAt = randomAddress(), addressRegistering, nil
	if err := s.newAddress(ctx, tx, *m, now); err != nil {
		return err
	}
	return recordAsked(ctx, tx, *m, caller{recipient: m.recipient}, now)
}

// newAddress writes a member with an address that is valid from the joining and is to be registered.
func (s *service) newAddress(ctx context.Context, tx *journal.Tx, m member, now time.Time) error {
	r := registration{address: m.address, recipient: m.recipient, state: addressRegistering, validFrom: m.joinedAt}
	free, err := insertAddress(ctx, tx, r, now)
	if err != nil {
		return err
	}
	if !free {
		return errAddressTaken()
	}
	if err := writeMember(ctx, tx, m); err != nil {
		return err
	}
	return setDueAddress(ctx, tx, m.address)
}

// change runs a change of a membership that affects waiting documents. It holds the locks of identity and audience, and looks at
// the documents again if something changed. It returns the membership after the change.
func (s *service) change(ctx context.Context, who caller, act func(tx *journal.Tx, m *member) (changed bool, err error)) (member, error) {
	var m member
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		i, known, err := lockIdentity(ctx, tx, who.recipient)
		if err != nil {
			return err
		}
		var had bool
		if known {
			if m, had, err = readMember(ctx, tx, who.recipient); err != nil {
				return err
			}
		}
		if !had {
			return errNotAMember()
		}
		if err := mayChange(ctx, tx, who, i); err != nil {
			return err
		}
		a := audienceOf(i, m.address)
		lockMatches(tx, true, a.keys...)
		changed, err := act(tx, &m)
		if err != nil || !changed {
			return err
		}
		return s.resolveAgain(ctx, tx, a)
	})
	if err != nil {
		return member{}, err
	}
	s.wakeUp()
	return m, nil
}

// consent gives the consent to these terms, or takes it back where terms is empty.
func (s *service) consent(ctx context.Context, who caller, terms string) (member, error) {
	m, err := s.change(ctx, who, func(tx *journal.Tx, m *member) (bool, error) {
		if m.state == memberWithdrawn {
			return false, errNotAMember()
		}
		if m.termsVersion == terms {
			return false, nil
		}
		now := s.clock.Now()
		m.termsVersion, m.consentedAt, m.choices = terms, nil, m.choices+1
		if terms != "" {
			m.consentedAt = &now
		}
		if err := writeMember(ctx, tx, *m); err != nil {
			return false, err
		}
		if err := insertConsent(ctx, tx, m.recipient, matterConsent, terms != "", terms, who.session, now); err != nil {
			return false, err
		}
		return true, stateConsentChanged(ctx, tx, *m, who, now)
	})
	if err != nil {
		return member{}, fmt.Errorf("set consent: %w", err)
	}
	return m, nil
}

// refuse sets or lifts the refusal of one sender, or of all where sender is empty.
func (s *service) refuse(ctx context.Context, who caller, sender string, refused bool) error {
	_, err := s.change(ctx, who, func(tx *journal.Tx, m *member) (bool, error) {
		if m.state == memberWithdrawn {
			return false, errNotAMember()
		}
		now := s.clock.Now()
		changed, err := setRefusal(ctx, tx, m.recipient, sender, refused, who.session, now)
		if err != nil || !changed {
			return false, err
		}
		m.choices++
		if err := writeMember(ctx, tx, *m); err != nil {
			return false, err
		}
		return true, stateRefusalChanged(ctx, tx, *m, sender, refused, who, now)
	})
	if err != nil {
		return fmt.Errorf("set refusal: %w", err)
	}
	return nil
}

// withdraw ends a membership and makes the withdrawal of its address due at the hub. It is idempotent.
func (s *service) withdraw(ctx context.Context, who caller) (member, error) {
	m, err := s.change(ctx, who, func(tx *journal.Tx, m *member) (bool, error) {
		if m.state == memberWithdrawn {
			return false, nil
		}
		now := s.clock.Now()
		for _, matter := range []string{matterConsent, matterDesignation} {
			if err := insertConsent(ctx, tx, m.recipient, matter, false, "", who.session, now); err != nil {
				return false, err
			}
		}
		m.state, m.withdrawnAt, m.termsVersion, m.consentedAt, m.designatedAt = memberWithdrawn, &now, "", nil, nil
		m.addressState, m.askedAgainAt = addressWithdrawn, nil
		if err := writeMember(ctx, tx, *m); err != nil {
			return false, err
		}
		if err := s.endAddress(ctx, tx, *m, who, now); err != nil {
			return false, err
		}
		return true, recordWithdrew(ctx, tx, *m, who, now)
	})
	if err != nil {
		return member{}, fmt.Errorf("withdraw: %w", err)
	}
	return m, nil
}

// endAddress ends a member's address. Other units hear of the end only if they heard of the beginning. The hub always hears of
// it, because it may have registered the address although its answer was lost or was a refusal before.
func (s *service) endAddress(ctx context.Context, tx *journal.Tx, m member, who caller, now time.Time) error {
	r, known, err := lockAddress(ctx, tx, m.address)
	if err != nil {
		return err
	}
	if !known || r.state == addressWithdrawn {
		return nil
	}
	r = r.become(addressWithdrawn)
	r.validUntil = &now
	if err := updateAddress(ctx, tx, r, "", now); err != nil {
		return err
	}
	if err := dropPapersOf(ctx, tx, m.recipient); err != nil {
		return err
	}
	if err := s.endNameChange(ctx, tx, r.address, now); err != nil {
		return err
	}
	if err := setDueAddress(ctx, tx, r.address); err != nil {
		return err
	}
	if r.announcedAt == nil {
		return nil
	}
	return stateAddressWithdrawn(ctx, tx, m, who, now)
}

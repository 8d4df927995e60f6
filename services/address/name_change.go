package address

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// names are what is sealed of a change: the new name, and the one that the relay used before.
type names struct {
	Name string `json:"name"`
	Was  string `json:"was"`
}

// String hides the names from whatever prints values.
func (names) String() string { return "names" }

// GoString hides the names from %#v.
func (names) GoString() string { return "names" }

// ofPerson reports whether it is a person's: only a person's registration is named by its address.
func (c nameChange) ofPerson() bool { return c.basis == c.address }

func (c nameChange) purpose() sealed.Purpose {
	if c.ofPerson() {
		return sealedMember
	}
	return sealedInstitution
}

// withNames is the change with these names, sealed. It runs before any transaction, because sealing may need a key.
func (s *service) withNames(ctx context.Context, c nameChange, n names) (nameChange, error) {
	plain, err := json.Marshal(n)
	if err != nil {
		return c, errors.New("encode names")
	}
	if c.sealed, err = s.box.Seal(ctx, c.purpose(), c.id.String(), plain); err != nil {
		return c, fmt.Errorf("seal names of change %s: %w", c.id, err)
	}
	return c, nil
}

func (s *service) openNames(ctx context.Context, c nameChange) (n names, err error) {
	plain, err := s.box.Open(ctx, c.purpose(), c.id.String(), c.sealed)
	if err != nil {
		return n, fmt.Errorf("open names of change %s: %w", c.id, err)
	}
	if json.Unmarshal(plain, &n) != nil {
		return names{}, fault.New(fault.Corrupt, domain, nil, "", fault.Wrap(fmt.Errorf("open names of change %s: its form is not known", c.id)))
	}
	return n, nil
}

// owner is whose name and type are asked for: as it was registered, or as a person was last proved.
type owner struct {
	address, basis string
	name           string
	kind           int16
}

// atHub is the owner as the hub has it: a change counts only from when the hub has it. A person's proof may be ahead of the hub,
// so before the first change that the hub has, the name is the one before that change.
func (s *service) atHub(ctx context.Context, o owner) (owner, error) {
	c, known, err := acceptedNameChange(ctx, s.db, o.basis)
	if err != nil {
		return o, err
	}
	if known {
		n, err := s.openNames(ctx, c)
		if err != nil {
			return o, err
		}
		kind, err := acceptedType(ctx, s.db, o.basis)
		o.name, o.kind = n.Name, cmp.Or(kind, o.kind)
		return o, err
	}
	if o.basis != o.address {
		return o, nil
	}
	first, known, err := firstNameChange(ctx, s.db, o.basis)
	if err != nil || !known {
		return o, err
	}
	n, err := s.openNames(ctx, first)
	o.name = n.Was
	return o, err
}

// entered is what an operator or a representative enters about an owner.
type entered struct {
	by, requestID, session string
	// name is empty and kind 0 where they stay.
	name                        string
	kind                        addressv1.OrganisationType
	business, registrationPaper []byte
}

func (e entered) digest(address string) []byte {
	return digestOfRequest([]byte(address), []byte(e.name), binary.BigEndian.AppendUint32(nil, uint32(e.kind)), e.business, e.registrationPaper) //nolint:gosec // one of six
}

// judge tells what changes: another name needs both documents, and nothing else may have them.
func (e entered) judge(of owner) (kind int16, named bool, err error) {
	if int16(e.kind) != of.kind { //nolint:gosec // one of six
		kind = int16(e.kind) //nolint:gosec // one of six
	}
	named = e.name != "" && e.name != of.name
	papers := len(e.business) > 0 && len(e.registrationPaper) > 0
	switch {
	case !named && kind == 0:
		return 0, false, errInvalid("name", "change.nothing", "name and type are those that the hub has")
	case named != papers || !papers && len(e.business)+len(e.registrationPaper) > 0:
		return 0, false, errInvalid("businessDocument", "change.documents", "another name needs both documents, another type alone none")
	}
	return kind, named, nil
}

// enter keeps what was entered about an owner, and has the hub told. may judges, and locks what stands before the address. A
// repeated request changes nothing and returns the change as it is.
func (s *service) enter(ctx context.Context, of owner, e entered, may func(tx *journal.Tx) error) (nameChange, error) {
	digest := e.digest(of.address)
	if before, known, err := s.enteredBefore(ctx, e, digest); known || err != nil {
		return before, err
	}
	kind, named, err := e.judge(of)
	if err != nil {
		return nameChange{}, err
	}
	c := nameChange{
		id: id.New(), address: of.address, basis: of.basis, kind: kind, named: named, askedBy: e.by, requestID: e.requestID, digest: digest, state: nameAsked,
	}
	if c, err = s.withNames(ctx, c, names{Name: cmp.Or(e.name, of.name), Was: of.name}); err != nil {
		return nameChange{}, err
	}
	var kept papers
	if named {
		if kept, err = s.sealPapers(ctx, c.papers(), e.business, e.registrationPaper); err != nil {
			return nameChange{}, err
		}
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := may(tx); err != nil {
			return err
		}
		r, known, err := lockAddress(ctx, tx, of.address)
		if err != nil {
			return err
		}
		if !known || r.state != addressRegistered {
			return errAddressNotRegistered()
		}
		asked := &addressv1.NameChangeAsked{Session: e.session}
		if named {
			if err := keepPapers(ctx, tx, c.id, kept); err != nil {
				return err
			}
			asked.BusinessDocumentDigest, asked.RegistrationDocumentDigest = digestOf(e.business), digestOf(e.registrationPaper)
		}
		c.askedAt = s.clock.Now()
		return s.beginNameChange(ctx, tx, c, r, asked)
	})
	if errors.Is(err, fault.Reused) {
		// The same request came first while this one was prepared.
		before, _, lookErr := s.enteredBefore(ctx, e, digest)
		return before, lookErr
	}
	if err != nil {
		return nameChange{}, fmt.Errorf("enter another name: %w", err)
	}
	s.wakeNames.Ring()
	return c, nil
}

// enteredBefore finds the change of a repeated request; another content under its id is a fault.
func (s *service) enteredBefore(ctx context.Context, e entered, digest []byte) (nameChange, bool, error) {
	before, known, err := nameChangeAsked(ctx, s.db, e.by, e.requestID)
	if known && !bytes.Equal(before.digest, digest) {
		return nameChange{}, false, errRequestIDReused()
	}
	return before, known, err
}

// provedName prepares the change that a person's proof with another name begins, if the person has an address.
func (s *service) provedName(ctx context.Context, recipient uuid.UUID, was, now string) (*nameChange, error) {
	m, known, err := readMember(ctx, s.db, recipient)
	if err != nil || !known || m.state == memberWithdrawn || was == now {
		return nil, err
	}
	c, err := s.withNames(ctx, nameChange{
		id: id.New(), address: m.address, basis: m.address, named: true, askedBy: recipient.String(), state: nameAsked,
	}, names{Name: now, Was: was})
	return &c, err
}

// beginProvedName begins it, unless the person has another address by now: that is registered with the proved name.
func (s *service) beginProvedName(ctx context.Context, tx *journal.Tx, c *nameChange, m member) error {
	if c == nil || m.state == memberWithdrawn || m.address != c.address {
		return nil
	}
	r, known, err := lockAddress(ctx, tx, c.address)
	if err != nil || !known {
		return errors.Join(err, missing(known || err != nil, "address of a member"))
	}
	c.askedAt = s.clock.Now()
	return s.beginNameChange(ctx, tx, *c, r, &addressv1.NameChangeAsked{})
}

// beginNameChange makes the change the open one of its address, which is locked.
func (s *service) beginNameChange(ctx context.Context, tx *journal.Tx, c nameChange, r registration, asked *addressv1.NameChangeAsked) error {
	if err := s.endNameChange(ctx, tx, c.address, c.askedAt); err != nil {
		return err
	}
	if err := insertNameChange(ctx, tx, c); err != nil {
		return err
	}
	if err := setDueNameChange(ctx, tx, c.address); err != nil {
		return err
	}
	return recordNameAsked(ctx, tx, c, r, asked)
}

// endNameChange ends the open change of an address, which is locked: a newer one takes its place, or the address ends. If a call
// about it is under way, the hub may still take it; then it has been accepted.
func (s *service) endNameChange(ctx context.Context, tx *journal.Tx, address string, now time.Time) error {
	c, known, err := openNameChange(ctx, tx, address)
	if err != nil || !known {
		return err
	}
	if err := dropUnclaimedNameChange(ctx, tx, address); err != nil {
		return err
	}
	return c.answer(ctx, tx, nameReplaced, "", "", now)
}

// answer writes and states what came of a change. What the hub has, or does not need any more, needs no papers.
func (c *nameChange) answer(ctx context.Context, tx *journal.Tx, state addressv1.NameChangeState, refusal, exchange string, now time.Time) error {
	c.state, c.refusal, c.answers, c.answeredAt = state, refusal, c.answers+1, &now
	if state != nameRefused {
		c.refusedAt, c.givenUpAt = nil, nil
		if err := dropPapers(ctx, tx, c.id); err != nil {
			return err
		}
	}
	if err := updateNameChange(ctx, tx, *c); err != nil {
		return err
	}
	return recordNameAnswered(ctx, tx, *c, exchange, now)
}

// retryNameChange has the hub told at once of a change that it does not have, and again for the whole patience.
func (s *service) retryNameChange(ctx context.Context, changeID uuid.UUID, by string) error {
	err := s.changeOpenName(ctx, changeID, func(tx *journal.Tx, c nameChange, now time.Time) error {
		if c.state == nameRefused {
			c.refusedAt, c.givenUpAt = &now, nil
			if err := updateNameChange(ctx, tx, c); err != nil {
				return err
			}
		}
		if err := setDueNameChange(ctx, tx, c.address); err != nil {
			return err
		}
		return recordNameRetried(ctx, tx, c, by, now)
	})
	if err == nil {
		s.wakeNames.Ring()
	}
	return err
}

// giveUpNameChange ends telling the hub of a change that it refuses. A call under way may still be taken; it is the last.
func (s *service) giveUpNameChange(ctx context.Context, changeID uuid.UUID, reason, operator string) error {
	return s.changeOpenName(ctx, changeID, func(tx *journal.Tx, c nameChange, now time.Time) error {
		switch {
		case c.state != nameRefused:
			return errNameChangeNotFound()
		case c.givenUpAt != nil:
			return nil
		}
		c.givenUpAt = &now
		if err := updateNameChange(ctx, tx, c); err != nil {
			return err
		}
		if err := dropUnclaimedNameChange(ctx, tx, c.address); err != nil {
			return err
		}
		return recordNameGivenUp(ctx, tx, c, reason, operator, now)
	})
}

func (s *service) changeOpenName(ctx context.Context, changeID uuid.UUID, act func(tx *journal.Tx, c nameChange, now time.Time) error) error {
	seen, known, err := readNameChange(ctx, s.db, changeID)
	if err != nil {
		return err
	}
	if !known {
		return errNameChangeNotFound()
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if _, _, err := lockAddress(ctx, tx, seen.address); err != nil {
			return err
		}
		c, _, err := lockNameChange(ctx, tx, changeID)
		if err != nil {
			return err
		}
		if !c.open() {
			return errNameChangeNotFound()
		}
		return act(tx, c, s.clock.Now())
	})
}

package address

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// errMoved says that somebody else made or changed the identity at the same time; the next attempt sees the change.
var errMoved = errors.New("identity was changed at the same time")

const identityTries = 5

// resolveIdentity finds or makes the identity of a proved person and keeps the proof. Any number of concurrent calls for one CI
// end with one identity.
func (s *service) resolveIdentity(ctx context.Context, p person, proof *addressv1.IdentityProved) (uuid.UUID, error) {
	ci, err := s.matcher.ci(ctx, p.CI)
	if err != nil {
		return uuid.Nil, err
	}
	named, err := s.matcher.person(ctx, p.Name, p.BirthDate, p.Phone)
	if err != nil {
		return uuid.Nil, err
	}
	for range identityTries {
		var recipient uuid.UUID
		if recipient, err = s.proved(ctx, p, identity{version: 1, ci: ci, named: named}, proof); !errors.Is(err, errMoved) {
			return recipient, err
		}
	}
	return uuid.Nil, err
}

// proved makes or updates the identity, states the proof, and tells as whom the person acts. It returns errMoved if somebody else
// changed the identity.
func (s *service) proved(ctx context.Context, p person, now identity, proof *addressv1.IdentityProved) (uuid.UUID, error) {
	before, known, err := identityByCI(ctx, s.db, now.ci)
	if err != nil {
		return uuid.Nil, err
	}
	now.recipient = uuid.New() // random (version 4): a recipient id has no meaning outside
	changed := !known
	var renamed *nameChange
	if known {
		now.recipient, now.mergedInto, now.version = before.recipient, before.mergedInto, before.version
		was, err := s.openPerson(ctx, before)
		if err != nil {
			return uuid.Nil, err
		}
		if changed = was != p; changed {
			now.version++
		}
		if renamed, err = s.provedName(ctx, now.recipient, was.Name, p.Name); err != nil {
			return uuid.Nil, err
		}
	}
	if changed {
		if now.sealed, err = s.sealPerson(ctx, now.recipient, p); err != nil {
			return uuid.Nil, err
		}
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		if err := s.writeIdentity(ctx, tx, before, now, known, changed, renamed); err != nil {
			return err
		}
		return recordProved(ctx, tx, now, proof, s.clock.Now())
	})
	if renamed != nil {
		s.wakeNames.Ring()
	}
	return now.actsAs(), err
}

func (s *service) writeIdentity(ctx context.Context, tx *journal.Tx, before, now identity, known, changed bool, renamed *nameChange) error {
	switch {
	case !known:
		made, err := insertIdentity(ctx, tx, now, s.clock.Now())
		if err == nil && !made {
			return errMoved
		}
		return err
	case !changed:
		return nil
	}
	locked, _, err := lockIdentity(ctx, tx, now.recipient)
	if err != nil {
		return err
	}
	if locked.version != before.version {
		return errMoved
	}
	m, _, err := readMember(ctx, tx, now.recipient)
	if err != nil {
		return err
	}
	// Documents that describe the person with the new data may be waiting.
	a := audienceOf(now, m.address)
	a.add(before.named)
	lockMatches(tx, true, a.keys...)
	if err := insertVersion(ctx, tx, now.recipient, now.version, now.sealed); err != nil {
		return err
	}
	if err := updateIdentity(ctx, tx, now, s.clock.Now()); err != nil {
		return err
	}
	if err := s.beginProvedName(ctx, tx, renamed, m); err != nil {
		return err
	}
	return s.resolveAgain(ctx, tx, a)
}

func (s *service) sealPerson(ctx context.Context, recipient uuid.UUID, p person) ([]byte, error) {
	plain, err := json.Marshal(p)
	if err != nil {
		return nil, errors.New("encode person")
	}
	value, err := s.box.Seal(ctx, sealedMember, recipient.String(), plain)
	if err != nil {
		return nil, fmt.Errorf("seal identity %s: %w", recipient, err)
	}
	return value, nil
}

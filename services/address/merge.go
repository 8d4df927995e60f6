package address

import (
	"bytes"
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
)

// merge says that an identity is the same person as another, and looks again at the documents that wait for it.
func (s *service) merge(ctx context.Context, recipient, into uuid.UUID, reason, operator string) error {
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		from, stays, err := lockPair(ctx, tx, recipient, into)
		if err != nil {
			return err
		}
		if from.mergedInto == into {
			return nil
		}
		if err := mayMerge(ctx, tx, from, stays); err != nil {
			return err
		}
		a := audienceOf(from, "")
		lockMatches(tx, true, a.keys...)
		now := s.clock.Now()
		if err := markMerged(ctx, tx, recipient, into, now); err != nil {
			return err
		}
		if err := recordMerged(ctx, tx, recipient, into, reason, operator, now); err != nil {
			return err
		}
		return s.resolveAgain(ctx, tx, a)
	})
	if err != nil {
		return fmt.Errorf("merge identities: %w", err)
	}
	s.wakeUp()
	return nil
}

// actsAs is the recipient as whom a person acts that proves the identity.
func (i identity) actsAs() uuid.UUID {
	if i.mergedInto != uuid.Nil {
		return i.mergedInto
	}
	return i.recipient
}

// lockPair locks two identities, always in the order of their ids.
func lockPair(ctx context.Context, tx *journal.Tx, one, other uuid.UUID) (identity, identity, error) {
	found := map[uuid.UUID]identity{}
	first, second := one, other
	if bytes.Compare(first[:], second[:]) > 0 {
		first, second = second, first
	}
	for _, recipient := range []uuid.UUID{first, second} {
		i, known, err := lockIdentity(ctx, tx, recipient)
		if err != nil {
			return identity{}, identity{}, err
		}
		if !known {
			return identity{}, identity{}, errIdentityNotFound()
		}
		found[recipient] = i
	}
	return found[one], found[other], nil
}

// mayMerge: both are proved with the same name, birth date and phone, neither is merged with a third, and the one that goes has
// never been a member, so it has no inbox that would become unreachable.
func mayMerge(ctx context.Context, tx *journal.Tx, from, stays identity) error {
	alike := !from.organisation() && !stays.organisation() && from.recipient != stays.recipient && bytes.Equal(from.named.key, stays.named.key)
	if !alike || from.mergedInto != uuid.Nil || stays.mergedInto != uuid.Nil {
		return errIdentitiesDiffer()
	}
	if merged, err := hasMerged(ctx, tx, from.recipient); err != nil || merged {
		if merged {
			return errIdentitiesDiffer()
		}
		return err
	}
	_, joined, err := readMember(ctx, tx, from.recipient)
	if err == nil && joined {
		return errIdentityIsMember()
	}
	return err
}

package circulation

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// acceptance is an operator's decision that the record which the hub calls already registered is ours.
type acceptance struct {
	id             uuid.UUID
	operator       authn.Principal
	reason, digest []byte // the reason sealed, the digest salted with the id
	at             time.Time
}

func (s *service) newAcceptance(ctx context.Context, by authn.Principal, reason string) (acceptance, error) {
	a := acceptance{id: id.New(), operator: by, at: s.clock.Now()}
	digest := sha256.Sum256([]byte("naru.circulation.acceptance.v1\x00" + a.id.String() + "\x00" + reason))
	a.digest = digest[:]
	var err error
	if a.reason, err = s.reasons.Seal(ctx, sealedReason, a.id.String(), []byte(reason)); err != nil {
		return acceptance{}, fmt.Errorf("seal reason: %w", err)
	}
	return a, nil
}

// AcceptQueued settles a call that is queued as already registered, as if the hub's answer had counted at once. Sending the call
// again cannot settle it: the hub gives the same answer again, and no attempt of ours can have registered the record.
func (s *service) AcceptQueued(ctx context.Context, r *circulationv1.AcceptQueuedRequest) (*circulationv1.AcceptQueuedResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	by, err := s.newAcceptance(ctx, caller, r.GetReason())
	if err != nil {
		return nil, err
	}
	var accepted []settlement
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if accepted, err = acceptQueued(ctx, tx, r.GetEdocNum()); err != nil {
			return err
		}
		if len(accepted) == 0 {
			return whyNotAccepted(ctx, tx, r.GetEdocNum())
		}
		for _, one := range accepted {
			if err := s.accept(ctx, tx, one, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	for _, one := range accepted {
		s.metrics.settled(ctx, one.call.kind, []settlement{one})
	}
	return &circulationv1.AcceptQueuedResponse{}, nil
}

// accept keeps who accepted a call, and states what follows when one is done.
func (s *service) accept(ctx context.Context, tx *journal.Tx, one settlement, by acceptance) error {
	if err := insertAcceptance(ctx, tx, one, by); err != nil {
		return err
	}
	tx.OnCommit(s.bells[readTime].Ring) // the registration may have made the read time due
	if err := state(ctx, tx, batch{kind: one.call.kind, lane: one.call.lane}, by.at, []settlement{one}); err != nil {
		return err
	}
	return recordAccepted(ctx, tx, one, by)
}

// whyNotAccepted tells an unknown record from a record without anything, or anything of that kind, in the queue.
func whyNotAccepted(ctx context.Context, tx *journal.Tx, number string) error {
	if _, err := recordSender(ctx, tx, number); err != nil {
		return err
	}
	waits, err := anyQueued(ctx, tx, number)
	if err != nil {
		return err
	}
	if waits {
		return notAlreadyRegistered()
	}
	return notQueued()
}

package circulation

import (
	"context"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// AcceptQueued settles a call that is queued as already registered, as if the hub's answer had counted at once. Sending the call
// again cannot settle it: the hub gives the same answer again, and no attempt of ours can have registered the record.
func (s *service) AcceptQueued(ctx context.Context, r *circulationv1.AcceptQueuedRequest) (*circulationv1.AcceptQueuedResponse, error) {
	by, err := s.newRuling(ctx, accepted, r.GetReason())
	if err != nil {
		return nil, err
	}
	var settled []settlement
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if settled, err = acceptQueued(ctx, tx, r.GetEdocNum()); err != nil {
			return err
		}
		if len(settled) == 0 {
			return whyNothing(ctx, tx, r.GetEdocNum(), accepted)
		}
		for _, one := range settled {
			if err := s.accept(ctx, tx, one, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	for _, one := range settled {
		s.metrics.settled(ctx, one.call.kind, []settlement{one})
	}
	return &circulationv1.AcceptQueuedResponse{}, nil
}

// accept keeps who accepted a call, and states what follows when one is done.
func (s *service) accept(ctx context.Context, tx *journal.Tx, one settlement, by ruling) error {
	if err := insertRuling(ctx, tx, one.call, by); err != nil {
		return err
	}
	tx.OnCommit(s.bells[readTime].Ring) // the registration may have made the read time due
	if err := state(ctx, tx, batch{kind: one.call.kind, lane: one.call.lane}, by.at, []settlement{one}); err != nil {
		return err
	}
	return recordAccepted(ctx, tx, one, by)
}

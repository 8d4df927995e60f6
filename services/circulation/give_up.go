package circulation

import (
	"context"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// GiveUpQueued ends what of a record is queued. Without it a call that the hub will never take would wait, and be alarmed about,
// for ten years.
func (s *service) GiveUpQueued(ctx context.Context, r *circulationv1.GiveUpQueuedRequest) (*circulationv1.GiveUpQueuedResponse, error) {
	by, err := s.newRuling(ctx, gaveUp, r.GetReason())
	if err != nil {
		return nil, err
	}
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		ended, err := giveUpQueued(ctx, tx, r.GetEdocNum())
		if err != nil {
			return err
		}
		if len(ended) == 0 {
			return whyNothing(ctx, tx, r.GetEdocNum(), gaveUp)
		}
		for _, one := range ended {
			if err := insertRuling(ctx, tx, one.call, by); err != nil {
				return err
			}
			if err := stateGivenUp(ctx, tx, one, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &circulationv1.GiveUpQueuedResponse{}, nil
}

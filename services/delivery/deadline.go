package delivery

import (
	"context"
	"log/slog"

	"github.com/naru-relay/naru/pkg/journal"
)

const deadlineBatch = 500

// endDue closes the deliveries whose send deadline has passed by both clocks. Any number of replicas may do so at once.
func (s *service) endDue(ctx context.Context) {
	if err := s.endUntil(ctx); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "passed send deadlines were not handled", slog.Any("error", err))
	}
}

func (s *service) endUntil(ctx context.Context) error {
	expiry, err := s.expiry(ctx)
	if err != nil || expiry.IsZero() {
		return err
	}
	for more := true; more; {
		if err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
			now := s.clock.Now()
			ended, err := end(ctx, tx, expiry, now, deadlineBatch)
			if err != nil {
				return err
			}
			more = len(ended) == deadlineBatch
			changed := map[State][]document{}
			for _, d := range ended {
				changed[d.state] = append(changed[d.state], d)
			}
			if err := leave(ctx, tx, now, ended); err != nil {
				return err
			}
			return s.state(ctx, tx, now, changed, byItself(now))
		}); err != nil {
			return err
		}
	}
	return nil
}

package delivery

import (
	"context"
	"log/slog"

	"github.com/naru-relay/naru/pkg/outbox"
)

const expireBatch = 500

// expireDue closes the deliveries whose send deadline has passed. Any number of replicas may do so at once.
func (s *service) expireDue(ctx context.Context) {
	for more := true; more; {
		err := s.outbox.InTx(ctx, func(tx *outbox.Tx) error {
			now := s.clock.Now()
			expired, err := expire(ctx, tx, now, expireBatch)
			if err != nil {
				return err
			}
			more = len(expired) == expireBatch
			return s.state(ctx, tx, now, map[State][]document{Expired: expired}, func(d document) (outbox.Event, bool) {
				return outbox.Event{Subject: d.number, Sender: d.sender, Actor: actor, OccurredAt: now}, true
			})
		})
		if err != nil {
			if ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "passed send deadlines were not handled", slog.Any("error", err))
			}
			return
		}
	}
}

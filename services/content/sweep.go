package content

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
)

const sweepBatch = 200

// sweep removes the objects of uploads that are gone, and what broken streams left unfinished. Their keys are destroyed or their
// bytes never counted, so nothing depends on when this happens. Any number of replicas may do so at once.
func (s *service) sweep(ctx context.Context) {
	if err := s.removeRemains(ctx); err != nil && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "objects that nobody needs were not removed", slog.Any("error", err))
	}
}

func (s *service) removeRemains(ctx context.Context) error {
	var after uuid.UUID
	for {
		objects, err := listRemains(ctx, s.db, after, sweepBatch)
		if err != nil || len(objects) == 0 {
			return err
		}
		for _, o := range objects {
			if err := s.bucket.remove(ctx, keyOf(o)); err != nil {
				return err
			}
		}
		if err := forgetParts(ctx, s.db, objects); err != nil {
			return err
		}
		after = objects[len(objects)-1]
	}
}

package content

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/work"
)

// lease is the right to change an upload, held by one stream or one check.
type lease struct {
	upload, owner uuid.UUID
}

// keep renews the lease until stop is called. The returned context ends with the cause work.ErrLost when somebody else has the
// upload, e.g. after a long stop of this process.
func (s *service) keep(ctx context.Context, l lease) (kept context.Context, stop func()) {
	kept, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(leaseFor / 3)
		defer tick.Stop()
		for {
			select {
			case <-kept.Done():
				return
			case <-tick.C:
			}
			ours, err := renewLease(kept, s.db, l.upload, l.owner)
			switch {
			case err == nil && !ours:
				cancel(work.ErrLost)
			case err != nil && kept.Err() == nil: // the lease holds for two more tries
				s.log.LogAttrs(kept, slog.LevelWarn, "a lease was not renewed", slog.String("upload", l.upload.String()), slog.Any("error", err))
			}
		}
	}()
	return kept, func() {
		cancel(nil)
		<-done
	}
}

// giveBack lets the next stream have the upload at once; without it the lease runs out by itself.
func (s *service) giveBack(ctx context.Context, l lease) {
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	if err := giveLease(ctx, s.db, l.upload, l.owner); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "an upload was not given back", slog.String("upload", l.upload.String()), slog.Any("error", err))
	}
}

// asBusy is what the loss of the lease means to a caller: somebody else has the upload, or it is gone; asking anew tells.
func asBusy(err error) error {
	if errors.Is(err, work.ErrLost) {
		return uploadBusy()
	}
	return err
}

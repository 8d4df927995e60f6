package content

import (
	"context"
	"errors"
	"log/slog"

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
	return work.Keep(ctx, leaseFor/3, func(ctx context.Context) error { return renewLease(ctx, s.db, l) }, func(ctx context.Context, err error) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a lease was not renewed", slog.String("upload", l.upload.String()), slog.Any("error", err))
	})
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

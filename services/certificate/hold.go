package certificate

import (
	"context"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/work"
)

// holdParts: a claim is renewed so many times in its lease.
const holdParts = 4

const holdBundleSQL = `
	update bundle
	   set lease_until = now() + @lease
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

// holdBundle assembles a bundle and renews its claim meanwhile: that may take a quarter of an hour, but a replica that died must
// not keep the bundle from others for so long. A claim that is lost ends the attempt: somebody else makes it.
func (s *service) holdBundle(ctx context.Context, j bundleJob) {
	lease := s.config.Worker.Lease.Std()
	held, release := work.Keep(ctx, lease/holdParts, func(ctx context.Context) error {
		return work.Settle(ctx, s.db, holdBundleSQL, pgx.NamedArgs{"id": j.id, "owner": s.replica, "attempt": j.attempt, "lease": lease})
	}, func(ctx context.Context, err error) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the claim of a bundle was not renewed", slog.String("bundle", j.id.String()), slog.Any("error", err))
	})
	defer release()
	s.assemble(held, j)
}

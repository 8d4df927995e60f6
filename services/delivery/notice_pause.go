package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

// pause leaves the hook alone, in every replica, for as long as it asked. What arrives meanwhile waits, and uses up no attempt.
func (s *service) pause(ctx context.Context, wait time.Duration, reason string) error {
	s.log.LogAttrs(ctx, slog.LevelError, "the notice URL asked not to be called; nobody is told until then", slog.String("reason", reason),
		slog.Duration("wait", wait))
	return pg.Exec(ctx, s.db, "pause notices", `
		insert into notice_pause as p (hook, paused_until, reason) values ($1, now() + $2::interval, $3)
		on conflict (hook) do update set paused_until = greatest(p.paused_until, excluded.paused_until), reason = excluded.reason`,
		s.hook.name(), wait, reason)
}

// pauseLeft is how long the hook is still to be left alone; 0 when it may be called.
func (h *hook) pauseLeft(ctx context.Context, db pg.DBTX) (time.Duration, error) {
	var seconds float64
	_, err := pg.Scan(ctx, db, "read the pause of notices", []any{&seconds}, `
		select extract(epoch from paused_until - now())::float8 from notice_pause where hook = $1 and paused_until > now()`, h.name())
	return time.Duration(seconds * float64(time.Second)), err
}

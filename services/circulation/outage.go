package circulation

import (
	"context"
	"log/slog"
)

// wokenAtOnce bounds how many records one statement makes due.
const wokenAtOnce = 5000

// tookAny reports whether the hub took anything of a call.
func (a answer) tookAny() bool {
	for _, result := range a.results {
		if result == resultRegistered || result == resultAlready {
			return true
		}
	}
	return false
}

// wake makes due what waits out a pause, the oldest first. Claims take it in that order; how many calls run at once bounds the
// rate.
func (s *service) wake(ctx context.Context) {
	for _, kind := range []callKind{registration, readTime} {
		for {
			woken, err := wakeWaiting(ctx, s.db, kind, wokenAtOnce)
			if err != nil {
				s.outage.Missed()
				s.log.LogAttrs(ctx, slog.LevelWarn, "what waits for the hub was not woken", slog.Any("error", err))
				return
			}
			if woken > 0 {
				s.log.LogAttrs(ctx, slog.LevelInfo, "the hub takes calls again", slog.String("call", kind.String()), slog.Int64("woken", woken))
				s.bells[kind].Ring()
			}
			if woken < wokenAtOnce {
				break
			}
		}
	}
}

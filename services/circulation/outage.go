package circulation

import (
	"context"
	"log/slog"
	"sync"
)

const (
	// outageCalls is how many calls in a row must have come to nothing for an outage.
	outageCalls = 3
	// wokenAtOnce bounds how many records one statement makes due.
	wokenAtOnce = 5000
)

// outage notices the end of a time in which the hub took nothing. Every record then waits out a pause of its own; at the end none
// of them has a reason left. A process begins as in an outage: it does not know what was before.
type outage struct {
	mu   sync.Mutex
	good bool
	bad  int
}

// saw counts a call, and reports whether an outage ends with it.
func (o *outage) saw(took bool) (over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !took {
		o.bad++
		return false
	}
	over = !o.good || o.bad >= outageCalls
	o.good, o.bad = true, 0
	return over
}

// missed: the end of the outage was not acted upon, so the next good call ends it again.
func (o *outage) missed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.good = false
}

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
				s.outage.missed()
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

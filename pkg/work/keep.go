package work

import (
	"context"
	"errors"
	"time"
)

// Keep renews the claim of work that may take longer than its lease, until stop is called; stop waits for a renewal under way.
// Once renew returns ErrLost, somebody else may do the work: nothing is renewed any more, and kept ends with that cause. Any
// other error is told to failed, and the next renewal comes in its turn, so every should be a small part of the lease.
func Keep(ctx context.Context, every time.Duration, renew func(ctx context.Context) error, failed func(ctx context.Context, err error)) (kept context.Context, stop func()) {
	kept, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-kept.Done():
				return
			case <-tick.C:
			}
			err := renew(kept)
			switch {
			case errors.Is(err, ErrLost):
				cancel(ErrLost)
			case err != nil && kept.Err() == nil:
				failed(kept, err)
			}
		}
	}()
	return kept, func() {
		cancel(nil)
		<-done
	}
}

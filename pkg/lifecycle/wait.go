package lifecycle

import (
	"context"
	"time"
)

// Wait lets a time pass; the error is ctx's where that ended first.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

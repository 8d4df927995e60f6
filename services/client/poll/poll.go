// Package poll waits for something that another system does later: it asks repeatedly, with growing, jittered pauses.
package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/naru-relay/naru/pkg/rest"
)

const (
	firstPause = 20 * time.Millisecond
	maxPause   = time.Second
	growth     = 1.5
)

// Until calls ask until ask returns true, ctx ends, or ask fails with an error that a later call cannot cure (rest.Retryable).
// The error names what was waited for, and the last transient error if there was one.
func Until(ctx context.Context, what string, ask func(ctx context.Context) (bool, error)) error {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval, pauses.Multiplier = firstPause, maxPause, growth
	pauses.Reset()
	var last error
	for {
		done, err := ask(ctx)
		if done && err == nil {
			return nil
		}
		pause := pauses.NextBackOff()
		if err != nil && ctx.Err() == nil {
			atLeast, again := rest.Retryable(err)
			if !again {
				return fmt.Errorf("waiting for %s: %w", what, err)
			}
			last, pause = err, max(pause, atLeast)
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			if last != nil {
				return fmt.Errorf("waiting for %s: %w (last: %w)", what, ctx.Err(), last)
			}
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

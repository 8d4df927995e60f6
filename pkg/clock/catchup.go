package clock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// patience is how long NotBefore waits for a clock that is behind.
const patience = 100 * time.Millisecond

var errBehind = errors.New("the clock is behind a fact that has to be answered")

// NotBefore reads a clock, at or after a moment, because no fact is earlier than its cause. It waits a short time for a clock
// that is behind. If the clock is further behind, nothing is stamped, and the fault is Unavailable.
func NotBefore(ctx context.Context, c Clock, moment time.Time) (time.Time, error) {
	now := c.Now()
	if behind := moment.Sub(now); behind > 0 && behind < patience {
		if err := lifecycle.Wait(ctx, behind); err != nil {
			return time.Time{}, err
		}
		now = c.Now()
	}
	if now.Before(moment) {
		return time.Time{}, fault.New(fault.Unavailable, "clock", nil, "", fault.Wrap(fmt.Errorf("%w by %s", errBehind, moment.Sub(now))))
	}
	return now, nil
}

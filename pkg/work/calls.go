package work

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// SettleTimeout bounds the writing of a result.
const SettleTimeout = 15 * time.Second

// Settling returns a context for writing the result of a call. The call may have used up its time, or its caller may have gone.
func Settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), SettleTimeout)
}

// Calls is the configuration of claimed calls to another unit or to the outside world.
type Calls struct {
	// Workers is how many calls run at once in one replica, 1-64.
	Workers int `yaml:"workers"`
	// Interval is how often to look for work that nobody announced.
	Interval config.Duration `yaml:"interval"`
	// Timeout of one call.
	Timeout config.Duration `yaml:"timeout"`
	// Lease is how long a claim holds after its replica dies: at least Timeout plus SettleTimeout.
	Lease config.Duration `yaml:"lease"`
	// FirstBackoff and MaxBackoff bound the waits between attempts, which double.
	FirstBackoff config.Duration `yaml:"first_backoff"`
	MaxBackoff   config.Duration `yaml:"max_backoff"`
}

// Validate reports every problem.
func (c Calls) Validate() error {
	var p config.Problems
	if c.Workers < 1 || c.Workers > 64 {
		p.Add("workers", "must be between 1 and 64")
	}
	if c.Interval.Std() < time.Millisecond {
		p.Add("interval", "must be at least 1ms")
	}
	if c.Timeout <= 0 {
		p.Add("timeout", "must be above 0s")
	}
	if c.Lease.Std() < c.Timeout.Std()+SettleTimeout {
		p.Add("lease", "must be at least timeout and %s", SettleTimeout)
	}
	if c.FirstBackoff <= 0 {
		p.Add("first_backoff", "must be above 0s")
	}
	if c.MaxBackoff < c.FirstBackoff {
		p.Add("max_backoff", "must not be shorter than first_backoff")
	}
	return p.Err()
}

// Claimed is the lease for claiming at most limit calls.
func (c Calls) Claimed(owner string, limit int) Lease {
	return Lease{Owner: owner, For: c.Lease.Std(), Limit: limit}
}

// Delay is how long a call waits after this number of failed attempts in a row.
func (c Calls) Delay(attempts int) time.Duration {
	return Backoff{First: c.FirstBackoff.Std(), Max: c.MaxBackoff.Std()}.Delay(attempts, rand.Float64()) //nolint:gosec // jitter needs no secrecy
}

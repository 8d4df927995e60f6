// Package ratelimit bounds how often something may be done in the name of a key, by token buckets in the memory of one replica: n
// replicas let through up to n times as much.
package ratelimit

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/naru-relay/naru/pkg/clock"
)

// maxBuckets bounds the memory. Above it, full buckets are forgotten, which changes nothing.
const maxBuckets = 10_000

// Buckets bound one thing, a bucket for each key.
type Buckets struct {
	perSecond float64
	burst     int
	clock     clock.Clock

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

// New makes buckets of burst tokens, which fill at perSecond. Both must be above zero.
func New(perSecond float64, burst int, c clock.Clock) *Buckets {
	return &Buckets{perSecond: perSecond, burst: burst, clock: c, limiters: make(map[string]*rate.Limiter)}
}

// Allowance is what is left in a bucket.
type Allowance struct {
	// Limit is how much a full bucket holds.
	Limit, Remaining int
	// Reset is the time until it is full again.
	Reset time.Duration
}

// Take takes n tokens of a key, all that there can be if n is more. If there are not enough it takes none, and wait says when
// there will be; else wait is 0.
func (b *Buckets) Take(key string, n int) (left Allowance, wait time.Duration) {
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter := b.limiters[key]
	if limiter == nil {
		b.shrink(now)
		limiter = rate.NewLimiter(rate.Limit(b.perSecond), b.burst)
		b.limiters[key] = limiter
	}
	reservation := limiter.ReserveN(now, min(n, b.burst))
	if wait = reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
	}
	return b.left(limiter, now), wait
}

func (b *Buckets) left(limiter *rate.Limiter, now time.Time) Allowance {
	tokens := max(limiter.TokensAt(now), 0)
	return Allowance{
		Limit: b.burst, Remaining: int(tokens), Reset: time.Duration((float64(b.burst) - tokens) / b.perSecond * float64(time.Second)),
	}
}

// shrink forgets full buckets when there are too many, and all buckets when none is full.
func (b *Buckets) shrink(now time.Time) {
	if len(b.limiters) < maxBuckets {
		return
	}
	for key, limiter := range b.limiters {
		if limiter.TokensAt(now) >= float64(b.burst) {
			delete(b.limiters, key)
		}
	}
	if len(b.limiters) >= maxBuckets {
		clear(b.limiters)
	}
}

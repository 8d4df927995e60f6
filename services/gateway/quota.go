package gateway

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/naru-relay/naru/pkg/clock"
)

const (
	// maxBuckets bounds the memory of each kind of quota. Above it, full buckets are forgotten, which changes nothing.
	maxBuckets = 10_000
)

// quota bounds what one principal, or one origin without a token, may ask of this replica, by token buckets in memory. A
// relay of n replicas lets through up to n times as much.
type quota struct {
	requests, items, token, open *buckets
	// missed are calls that came to nothing, by network address: without a good token, or to what is not there. failed are
	// refused requests for tokens, by address and client.
	missed, failed *buckets
}

func newQuota(c QuotaConfig, now clock.Clock) *quota {
	return &quota{
		requests: newBuckets(c.RequestsPerSecond, c.RequestsBurst, now),
		items:    newBuckets(c.BatchItemsPerSecond, c.BatchItemsBurst, now),
		token:    newBuckets(c.TokensPerSecond, c.TokensBurst, now),
		open:     newBuckets(c.OpenPerSecond, c.OpenBurst, now),
		missed:   newBuckets(c.MissesPerSecond, c.MissesBurst, now),
		failed:   newBuckets(c.FailuresPerSecond, c.FailuresBurst, now),
	}
}

// allowance is what is left of a quota after a call.
type allowance struct {
	limit, remaining int
	// reset is the time until the quota is full again.
	reset time.Duration
}

// headers writes the quota headers (draft-ietf-httpapi-ratelimit-headers, in its form of three fields).
func (a allowance) headers(h http.Header) {
	h.Set("RateLimit-Limit", strconv.Itoa(a.limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(a.remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(a.reset.Seconds()))))
}

// request takes one request of the principal. Errors: RATE_LIMITED with the time to wait.
func (q *quota) request(principal string) (allowance, error) { return q.requests.take(principal, 1) }

// batch takes the items of a batch.
func (q *quota) batch(principal string, n int) (allowance, error) { return q.items.take(principal, n) }

// tokens takes one request for a token of the client.
func (q *quota) tokens(client string) error {
	_, err := q.token.take(client, 1)
	return err
}

// anonymous takes one request that needs no token from the quota of its origin.
func (q *quota) anonymous(origin string) error {
	_, err := q.open.take(origin, 1)
	return err
}

// miss takes a call that came to nothing from the quota of its origin, and gives what to answer: the fault itself, or
// RATE_LIMITED. Who calls rightly from the same origin is not touched by it.
func (q *quota) miss(origin string, err error) error {
	if _, full := q.missed.take(origin, 1); full != nil {
		return full
	}
	return err
}

// failure takes a refused request for a token from the quotas of its origin, for this client and for all, and gives what to
// answer.
func (q *quota) failure(origin, client string, err error) error {
	if _, full := q.failed.take(origin+" "+client, 1); full != nil {
		return full
	}
	return q.miss(origin, err)
}

type buckets struct {
	perSecond float64
	burst     int
	clock     clock.Clock

	mu       sync.Mutex
	limiters map[string]*rate.Limiter
}

func newBuckets(perSecond float64, burst int, c clock.Clock) *buckets {
	return &buckets{perSecond: perSecond, burst: burst, clock: c, limiters: make(map[string]*rate.Limiter)}
}

func (b *buckets) take(key string, n int) (allowance, error) {
	now := b.clock.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	limiter := b.limiters[key]
	if limiter == nil {
		b.shrink(now)
		limiter = rate.NewLimiter(rate.Limit(b.perSecond), b.burst)
		b.limiters[key] = limiter
	}
	// A batch larger than the bucket would never pass; it passes here, and intake reports what is wrong with it.
	n = min(n, b.burst)
	reservation := limiter.ReserveN(now, n)
	if wait := reservation.DelayFrom(now); wait > 0 {
		reservation.CancelAt(now)
		return b.left(limiter, now), rateLimited(wait)
	}
	return b.left(limiter, now), nil
}

func (b *buckets) left(limiter *rate.Limiter, now time.Time) allowance {
	tokens := max(limiter.TokensAt(now), 0)
	return allowance{
		limit: b.burst, remaining: int(tokens), reset: time.Duration((float64(b.burst) - tokens) / b.perSecond * float64(time.Second)),
	}
}

// shrink forgets full buckets when there are too many, and all buckets when none is full.
func (b *buckets) shrink(now time.Time) {
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

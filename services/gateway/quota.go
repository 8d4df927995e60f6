package gateway

import (
	"math"
	"net/http"
	"strconv"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/ratelimit"
)

// quota bounds what one principal, or one origin without a token, may ask of this replica, by token buckets in memory. A
// relay of n replicas lets through up to n times as much.
type quota struct {
	requests, items, token, open *ratelimit.Buckets
	// missed are calls that came to nothing, by network address: without a good token, or to what is not there. failed are
	// refused requests for tokens, by address and client.
	missed, failed *ratelimit.Buckets
}

func newQuota(c QuotaConfig, now clock.Clock) *quota {
	return &quota{
		requests: ratelimit.New(c.RequestsPerSecond, c.RequestsBurst, now),
		items:    ratelimit.New(c.BatchItemsPerSecond, c.BatchItemsBurst, now),
		token:    ratelimit.New(c.TokensPerSecond, c.TokensBurst, now),
		open:     ratelimit.New(c.OpenPerSecond, c.OpenBurst, now),
		missed:   ratelimit.New(c.MissesPerSecond, c.MissesBurst, now),
		failed:   ratelimit.New(c.FailuresPerSecond, c.FailuresBurst, now),
	}
}

// allowanceHeaders writes the quota headers (draft-ietf-httpapi-ratelimit-headers, in its form of three fields).
func allowanceHeaders(h http.Header, a ratelimit.Allowance) {
	h.Set("RateLimit-Limit", strconv.Itoa(a.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(a.Remaining))
	h.Set("RateLimit-Reset", strconv.Itoa(int(math.Ceil(a.Reset.Seconds()))))
}

// take takes n of a key. Errors: RATE_LIMITED with the time to wait.
func take(from *ratelimit.Buckets, key string, n int) (ratelimit.Allowance, error) {
	left, wait := from.Take(key, n)
	if wait > 0 {
		return left, rateLimited(wait)
	}
	return left, nil
}

// request takes one request of the principal. Errors: RATE_LIMITED with the time to wait.
func (q *quota) request(principal string) (ratelimit.Allowance, error) {
	return take(q.requests, principal, 1)
}

// batch takes the items of a batch. One larger than the bucket would never pass; it passes here, and intake reports what is wrong
// with it.
func (q *quota) batch(principal string, n int) (ratelimit.Allowance, error) {
	return take(q.items, principal, n)
}

// tokens takes one request for a token of the client.
func (q *quota) tokens(client string) error {
	_, err := take(q.token, client, 1)
	return err
}

// anonymous takes one request that needs no token from the quota of its origin.
func (q *quota) anonymous(origin string) error {
	_, err := take(q.open, origin, 1)
	return err
}

// miss takes a call that came to nothing from the quota of its origin, and gives what to answer: the fault itself, or
// RATE_LIMITED. Who calls rightly from the same origin is not touched by it.
func (q *quota) miss(origin string, err error) error {
	if _, full := take(q.missed, origin, 1); full != nil {
		return full
	}
	return err
}

// failure takes a refused request for a token from the quotas of its origin, for this client and for all, and gives what to
// answer.
func (q *quota) failure(origin, client string, err error) error {
	if _, full := take(q.failed, origin+" "+client, 1); full != nil {
		return full
	}
	return q.miss(origin, err)
}

package web

import (
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/origin"
	"github.com/naru-relay/naru/pkg/ratelimit"
)

// limits bound what one network address may ask of this replica.
type limits struct {
	proxies origin.Proxies
	pages   *ratelimit.Buckets
	// signIns are of signing in, codes of guesses of invitations' codes. They are counted apart, so that one keeps nobody from
	// the other.
	signIns, codes *ratelimit.Buckets
}

func newLimits(c Rate, proxies origin.Proxies, now clock.Clock) *limits {
	return &limits{
		proxies: proxies, pages: ratelimit.New(c.PagesPerSecond, c.PagesBurst, now),
		signIns: ratelimit.New(c.SignInsPerSecond, c.SignInsBurst, now), codes: ratelimit.New(c.SignInsPerSecond, c.SignInsBurst, now),
	}
}

// admit takes a visit of a route from the quotas of where it comes from.
func (l *limits) admit(v *visit, route route) error {
	quotas := []*ratelimit.Buckets{l.pages}
	if route.signin {
		quotas = append(quotas, l.signIns)
	}
	if route.coded {
		quotas = append(quotas, l.codes)
	}
	from := l.proxies.OfRequest(v.r)
	for _, of := range quotas {
		if _, wait := of.Take(from, 1); wait > 0 {
			return rateLimited(wait)
		}
	}
	return nil
}

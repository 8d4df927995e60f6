package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"github.com/naru-relay/naru/pkg/clock"
)

// maxOrigins bounds the memory of limits; when it is reached, everything is forgotten.
const maxOrigins = 10_000

// limits bound what one network address may ask of this replica.
type limits struct {
	pages, entries buckets
	// invitations bound guesses of codes. They are counted apart, so that they keep nobody from signing in.
	invitations buckets
	proxies     []netip.Prefix
}

func newLimits(c Rate, proxies []netip.Prefix, now clock.Clock) *limits {
	return &limits{
		pages: buckets{rate: rate.Limit(c.PagesPerSecond), burst: c.PagesBurst, clock: now}, proxies: proxies,
		entries:     buckets{rate: rate.Limit(c.SignInsPerSecond), burst: c.SignInsBurst, clock: now},
		invitations: buckets{rate: rate.Limit(c.SignInsPerSecond), burst: c.SignInsBurst, clock: now},
	}
}

// buckets are token buckets by origin.
type buckets struct {
	rate  rate.Limit
	burst int
	clock clock.Clock

	mu sync.Mutex
	of map[string]*rate.Limiter
}

func (b *buckets) take(origin string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of == nil || len(b.of) >= maxOrigins {
		b.of = map[string]*rate.Limiter{}
	}
	bucket := b.of[origin]
	if bucket == nil {
		bucket = rate.NewLimiter(b.rate, b.burst)
		b.of[origin] = bucket
	}
	return bucket.AllowN(b.clock.Now(), 1)
}

// origin is the first address, seen from here, that is not one of our proxies: an IPv4 address, or the /64 of an IPv6 subscriber.
func (l *limits) origin(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(l.proxies, func(p netip.Prefix) bool { return p.Contains(address) }) {
			break
		}
		before, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		address = before.Unmap()
	}
	if address.Is6() {
		if network, err := address.WithZone("").Prefix(64); err == nil {
			return network.String()
		}
	}
	return address.String()
}

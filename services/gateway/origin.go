package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
)

// forwardedFor is the header in which proxies name the caller.
const forwardedFor = "X-Forwarded-For"

// originHeader tells this unit, when a door calls it, where the door was called from.
const originHeader = "naru-origin"

// toldOrigin is the origin that a door told.
func toldOrigin(ctx context.Context) string {
	incoming, _ := metadata.FromIncomingContext(ctx)
	return strings.Join(incoming.Get(originHeader), "")
}

// origins finds out where calls come from. Nothing there is proved, so it has only one use: one network cannot use up what
// everybody needs.
type origins struct {
	// proxies are trusted when they name the caller.
	proxies []netip.Prefix
}

// ofHTTP is the origin of a call.
func (o origins) ofHTTP(r *http.Request) string {
	return o.of(r.RemoteAddr, r.Header.Values(forwardedFor))
}

// of is the first address, seen from here, that is not one of our proxies: an IPv4 address, or the /64 of an IPv6 subscriber.
func (o origins) of(remote string, forwarded []string) string {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := from.Addr().Unmap()
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !o.trusts(address) {
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

func (o origins) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(o.proxies, func(p netip.Prefix) bool { return p.Contains(address) })
}

// Package origin finds out where calls come from. Nothing there is proved, so it has only one use: one network cannot use up what
// everybody needs.
package origin

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// forwardedFor is the header in which proxies name the caller.
const forwardedFor = "X-Forwarded-For"

// Proxies are our own, which are trusted when they name the caller.
type Proxies []netip.Prefix

// Parse reads networks, e.g. 10.0.0.0/8; the first that is none is an error.
func Parse(networks []string) (Proxies, error) {
	proxies := make(Proxies, len(networks))
	for i, text := range networks {
		var err error
		if proxies[i], err = netip.ParsePrefix(text); err != nil {
			return nil, fmt.Errorf("read a network: %w", err)
		}
	}
	return proxies, nil
}

// Trust reports whether an address is one of our proxies.
func (p Proxies) Trust(address netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(address) })
}

// OfRequest is the origin of a call.
func (p Proxies) OfRequest(r *http.Request) string {
	return p.Of(r.RemoteAddr, r.Header.Values(forwardedFor))
}

// Of is the first address, seen from here, that is not one of our proxies: an IPv4 address, or the /64 of an IPv6 subscriber.
func (p Proxies) Of(remote string, forwarded []string) string {
	from, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	address := from.Addr().Unmap()
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !p.Trust(address) {
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

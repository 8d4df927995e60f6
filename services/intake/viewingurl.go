package intake

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/naru-relay/naru/pkg/viewingtoken"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// judgeURL returns what keeps a recipient from opening a viewing URL, or would lead one astray. The item's rules have seen to https
// and to the length.
func judgeURL(given string) []finding {
	found := func(rule, message string) []finding {
		return []finding{at(fieldViewingURL, rule, intakev1.Reason_REASON_INVALID_ITEM, message)}
	}
	u, err := url.Parse(given)
	switch {
	case err != nil:
		return found("viewing.url.form", "is no URL")
	case strings.ContainsAny(given, "\\ \t"):
		return found("viewing.url.form", "must not hold spaces or backslashes, which browsers read in different ways")
	case u.User != nil:
		return found("viewing.url.user", "must not hold user information")
	case !reachable(u.Hostname()):
		return found("viewing.url.host", "must name a host")
	case !possiblePort(u):
		return found("viewing.url.port", "must have a port between 1 and 65535, or none")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return found("viewing.url.query", "must have a query of the form name=value&name=value")
	}
	for name := range query {
		if strings.EqualFold(name, viewingtoken.URLParameter) {
			return found("viewing.url.token", "must not have the parameter that the relay adds: "+viewingtoken.URLParameter)
		}
	}
	return nil
}

// reachable reports whether a name has the form of a host's: an IP address, or labels that the Domain Name System can hold, those of
// other scripts included.
func reachable(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return !address.IsUnspecified() && !address.IsMulticast() && address.Zone() == ""
	}
	ascii, err := idna.Lookup.ToASCII(host)
	if err != nil || ascii == "" || len(ascii) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(ascii, "."), ".") {
		if label == "" || len(label) > 63 {
			return false
		}
	}
	return true
}

func possiblePort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

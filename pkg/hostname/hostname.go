// Package hostname is the one form in which names of hosts are kept and compared.
package hostname

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Form brings the name of a host into the form in which browsers ask for it: lower-case ASCII (IDNA, UTS 46) without a dot at the
// end, or an IP address as RFC 5952 writes it. It is false for what no host can be called: labels that the Domain Name System
// cannot hold, and addresses that are nobody's.
func Form(name string) (string, bool) {
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().String(), !address.IsUnspecified() && !address.IsMulticast() && address.Zone() == ""
	}
	ascii, err := idna.Lookup.ToASCII(name)
	ascii = strings.TrimSuffix(ascii, ".")
	if err != nil || ascii == "" || len(ascii) > 253 {
		return "", false
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
	}
	return ascii, true
}

// Package hostname is the one form in which names of hosts are kept and compared.
package hostname

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// Form brings the name of a host into the form in which browsers ask for it: lower-case ASCII (IDNA, UTS 46) without a dot at the
// end, or an IP address as RFC 5952 writes it. It is false for what no host can be called: labels that the Domain Name System
// cannot hold, addresses that are nobody's, and numbers that browsers would read as an IPv4 address of another spelling
// (WHATWG URL, "ends in a number").
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
	if endsInNumber(ascii) {
		return "", false
	}
	return ascii, true
}

func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

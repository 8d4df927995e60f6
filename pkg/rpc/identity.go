package rpc

import (
	"context"
	"crypto/x509"
	"net/url"
	"regexp"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// UnitURI is the URI SAN that names a unit in its certificate.
func UnitURI(unit string) *url.URL { return &url.URL{Scheme: "naru", Host: "unit", Path: "/" + unit} }

// unitOf reads a unit's name from a verified certificate: exactly one URI SAN naru://unit/<name>.
func unitOf(certificate *x509.Certificate) (string, bool) {
	var unit string
	for _, uri := range certificate.URIs {
		name, ours := strings.CutPrefix(uri.String(), "naru://unit/")
		if !ours {
			continue
		}
		if unit != "" || !validUnit(name) {
			return "", false
		}
		unit = name
	}
	return unit, unit != ""
}

var unitPattern = regexp.MustCompile(`^[a-z]{1,20}$`)

// validUnit reports whether a unit's name has 1-20 characters of a-z.
func validUnit(name string) bool { return unitPattern.MatchString(name) }

// callingUnit names the unit at the other end of the connection a call came over.
func callingUnit(ctx context.Context) (string, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", false
	}
	switch info := p.AuthInfo.(type) {
	case localInfo:
		return info.unit, true
	case credentials.TLSInfo:
		// Only verified chains count: an unverified certificate proves no name.
		if len(info.State.VerifiedChains) == 0 {
			return "", false
		}
		return unitOf(info.State.VerifiedChains[0][0])
	default:
		return "", false
	}
}

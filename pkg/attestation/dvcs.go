package attestation

import (
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/cms"
)

// The services of a DVCS that certify a document (RFC 3029 section 7.1): possession of it, or of its hash. The other two judge
// signatures and certificates.
const (
	serviceCPD  = 1
	serviceCCPD = 4
)

// DVCS reads a DVCSResponse that is a DVCSCertInfo (RFC 3029 sections 9 and 9.1). A response of the other form tells an error
// and certifies nothing. Tags are implicit.
func DVCS(signed *cms.Result) (*Attestation, error) {
	outer := cryptobyte.String(signed.Content)
	var info cryptobyte.String
	a := &Attestation{}
	switch {
	case !outer.ReadASN1(&info, cbasn1.SEQUENCE) || !outer.Empty():
		return nil, errors.New("not a DVCSCertInfo")
	case !readVersion(&info):
		return nil, errors.New("version of DVCSCertInfo")
	case !readRequest(&info):
		return nil, errors.New("request of DVCSCertInfo, or a service that certifies no document")
	}
	if err := a.readWhat(&info); err != nil {
		return nil, err
	}
	if !readStatus(&info) {
		return nil, errors.New("status is not granted")
	}
	var ok bool
	if a.Policy, ok = readPolicy(&info); !ok {
		return nil, errors.New("policy")
	}
	// The signatures of the request, and certificates that were judged, are about nothing that is certified here.
	if !info.SkipOptionalASN1(contextTag(2)) || !info.SkipOptionalASN1(contextTag(3)) {
		return nil, errors.New("optional fields of DVCSCertInfo")
	}
	var extensions cryptobyte.String
	if info.PeekASN1Tag(cbasn1.SEQUENCE) && (!info.ReadASN1(&extensions, cbasn1.SEQUENCE) || !readExtensions(extensions)) {
		return nil, errors.New("extensions")
	}
	if !info.Empty() {
		return nil, errors.New("something after DVCSCertInfo")
	}
	return a, nil
}

// readVersion reads a version that is absent when it is 1.
func readVersion(from *cryptobyte.String) bool {
	var version int64
	return !from.PeekASN1Tag(cbasn1.INTEGER) || from.ReadASN1Integer(&version) && version == 1
}

// readRequest reads DVCSRequestInformation as far as it decides what the response certifies. Who asked, and whom, is told but not
// signed by anybody else.
func readRequest(info *cryptobyte.String) bool {
	var request cryptobyte.String
	var service int
	if !info.ReadASN1(&request, cbasn1.SEQUENCE) || !readVersion(&request) || !request.ReadASN1Enum(&service) {
		return false
	}
	if service != serviceCPD && service != serviceCCPD {
		return false
	}
	if !skipInteger(&request) { // nonce
		return false
	}
	for _, tag := range []cbasn1.Tag{
		cbasn1.GeneralizedTime, cbasn1.SEQUENCE, // requestTime is one of the two
		contextTag(0), contextTag(1), contextTag(2), contextTag(3), contextTag(4),
	} {
		if !request.SkipOptionalASN1(tag) {
			return false
		}
	}
	return request.Empty()
}

// readStatus reads PKIStatusInfo. It is absent from a response that has nothing to add to its being one.
func readStatus(info *cryptobyte.String) bool {
	tag := contextTag(0)
	if !info.PeekASN1Tag(tag) {
		return true
	}
	var status cryptobyte.String
	granted := new(big.Int)
	return info.ReadASN1(&status, tag) && status.ReadASN1Integer(granted) && granted.Sign() == 0 &&
		status.SkipOptionalASN1(cbasn1.SEQUENCE) && status.Empty()
}

func readPolicy(info *cryptobyte.String) (string, bool) {
	tag := contextTag(1)
	if !info.PeekASN1Tag(tag) {
		return "", true
	}
	var policy cryptobyte.String
	var id asn1.ObjectIdentifier
	if !info.ReadASN1(&policy, tag) || !policy.ReadASN1ObjectIdentifier(&id) || !policy.SkipOptionalASN1(cbasn1.SEQUENCE) || !policy.Empty() {
		return "", false
	}
	return id.String(), true
}

package cms

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// checkExact holds the message to its one spelling; see VerifyOptions.Exact. A path without a chain has failed already: whether
// the certificates are the right ones cannot be told.
func (m *Message) checkExact(found *path, demanded bool) *Failure {
	if !demanded {
		return nil
	}
	version := int64(1) // RFC 5652 section 5.1
	if !m.contentType.Equal(oidData) || m.signer.keyID != nil {
		version = 3
	}
	switch {
	case m.version != version:
		return malformed("version of SignedData is not the one of its content")
	case m.digests != 1:
		return malformed("more than one digest algorithm")
	case m.revocations || len(m.signer.stamps) > 0:
		return malformed("revocation lists or unsigned attributes")
	case m.signer.algorithm.Equal(oidSHA256WithRSA) || m.signer.algorithm.Equal(oidSHA384WithRSA) || m.signer.algorithm.Equal(oidSHA512WithRSA):
		return malformed("an RSA signature is not called rsaEncryption")
	case found.chain != nil && !m.carriesOnly(found):
		return malformed("other certificates than those of the signer's path")
	}
	return nil
}

// carriesOnly reports whether every certificate of the message is one of the path, and none comes twice.
func (m *Message) carriesOnly(found *path) bool {
	carried := map[int]bool{}
	for input := cryptobyte.String(m.certificates); !input.Empty(); {
		var element cryptobyte.String
		if !input.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			return false
		}
		at := -1
		for i, certificate := range found.chain {
			if bytes.Equal(certificate.Raw, element) {
				at = i
			}
		}
		if at < 0 || carried[at] {
			return false
		}
		carried[at] = true
	}
	return true
}

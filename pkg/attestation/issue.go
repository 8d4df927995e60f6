package attestation

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/naru-relay/naru/pkg/cms"
)

// oidSHA256 is the only algorithm of the hashes that are attested.
var oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

// TestPolicy is nobody's policy: the tokens that are made here are the sandbox's and of tests.
var TestPolicy = asn1.ObjectIdentifier{1, 2, 3, 4, 1}

// Stamp is what a token is to say.
type Stamp struct {
	// Hash is SHA-256 of what is stamped.
	Hash   [sha256.Size]byte
	Serial *big.Int
	// At is written in whole seconds.
	At time.Time
	// Nonce of the request; nil for none.
	Nonce *big.Int
	// Policy; nil for TestPolicy.
	Policy asn1.ObjectIdentifier
	// OmitCertificates leaves the signer's certificates out of the token.
	OmitCertificates bool
}

// IssueTimeStamp makes a token. The signer's certificate comes first; it must be one for time stamps, otherwise nobody accepts
// the token.
func IssueTimeStamp(s Stamp, signer crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	if s.Policy == nil {
		s.Policy = TestPolicy
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(s.Policy)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidSHA256) })
			b.AddASN1OctetString(s.Hash[:])
		})
		b.AddASN1BigInt(s.Serial)
		b.AddASN1GeneralizedTime(s.At.UTC().Truncate(time.Second))
		if s.Nonce != nil {
			b.AddASN1BigInt(s.Nonce)
		}
	})
	content, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("issue time stamp: %w", err)
	}
	return cms.SignWith(content, signer, chain, cms.SignOptions{Kind: cms.TimeStampToken, At: s.At, OmitCertificates: s.OmitCertificates})
}

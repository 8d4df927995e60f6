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

var (
	// oidSHA256 is the only algorithm of the hashes that are attested.
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	// oidTestPolicy is nobody's policy: the tokens that are made here are the sandbox's and of tests.
	oidTestPolicy = asn1.ObjectIdentifier{1, 2, 3, 4, 1}
)

// IssueTimeStamp makes a token over a SHA-256 hash, of that moment in whole seconds. The signer's certificate comes first; it
// must be one for time stamps, otherwise nobody accepts the token.
func IssueTimeStamp(hash [sha256.Size]byte, serial *big.Int, at time.Time, signer crypto.Signer, chain []*x509.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(oidTestPolicy)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidSHA256) })
			b.AddASN1OctetString(hash[:])
		})
		b.AddASN1BigInt(serial)
		b.AddASN1GeneralizedTime(at.UTC().Truncate(time.Second))
	})
	content, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("issue time stamp: %w", err)
	}
	return cms.SignWith(content, signer, chain, cms.SignOptions{Kind: cms.TimeStampToken, At: at})
}

package archivecert

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Signer is an archive's key with its certificate chain, its own certificate first.
type Signer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// IssueRegistration makes a registration certificate, signed at the time given. The statement's issuer should be the common name
// of the signer's certificate, otherwise no verifier accepts it.
func IssueRegistration(s Statement, signer Signer, at time.Time) ([]byte, error) {
	return issue(KindRegistration, s, "", signer, at)
}

// IssueOriginal makes an original certificate that refers to the registration certificate with the given digest (see Digest).
func IssueOriginal(s Statement, registrationDigest string, signer Signer, at time.Time) ([]byte, error) {
	if _, ok := proof.Hash(registrationDigest); !ok {
		return nil, fmt.Errorf("issue original certificate: %w", malformed("digest of the registration certificate"))
	}
	return issue(KindOriginal, s, registrationDigest, signer, at)
}

func issue(kind Kind, s Statement, registrationDigest string, signer Signer, at time.Time) ([]byte, error) {
	w, err := newWire(kind, s, registrationDigest)
	if err != nil {
		return nil, fmt.Errorf("issue %s certificate: %w", kind, err)
	}
	content, err := proof.Encode(w)
	if err != nil {
		return nil, fmt.Errorf("issue %s certificate: %w", kind, err)
	}
	der, err := cms.Sign(content, false, signer.Key, signer.Chain, at)
	if err != nil {
		return nil, fmt.Errorf("issue %s certificate: %w", kind, err)
	}
	if len(der) > MaxBytes {
		return nil, fmt.Errorf("issue %s certificate: %w", kind, malformed("certificate is too large"))
	}
	return der, nil
}

// Digest is how a certificate is referred to: SHA-256 of its bytes, lower-case hexadecimal.
func Digest(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

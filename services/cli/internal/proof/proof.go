// Package proof verifies the certificates that a sender presents as proof (guide 5.1.2 3)): the distribution certificate alone,
// and against its document.
package proof

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// Trust holds the roots and the pinned signer of the hub.
type Trust struct {
	Roots *x509.CertPool
	Pins  distcert.Pins
}

// Checks are the results of verifying a distribution certificate.
type Checks struct {
	// Signature: the whole file has the known form and one signature, and is unchanged.
	Signature bool `json:"signature"`
	// Chain: the signer is the pinned one and chains to the pinned root; signer and certificate are valid now.
	Chain bool `json:"chain"`
	// Hash and EdocNum: the certificate is about this document.
	Hash    bool `json:"hash"`
	EdocNum bool `json:"edocNum"`
}

// All reports whether every check passed.
func (c Checks) All() bool { return c.Signature && c.Chain && c.Hash && c.EdocNum }

// ReadTrust reads the hub's root and the certificate of the pinned signer (PEM).
func ReadTrust(rootFile, signerFile string) (Trust, error) {
	roots, err := endpoints.Roots(rootFile)
	if err != nil {
		return Trust{}, fmt.Errorf("read the hub's root: %w", err)
	}
	raw, err := endpoints.ReadFile(signerFile)
	if err != nil {
		return Trust{}, fmt.Errorf("read the hub's signer: %w", err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return Trust{}, fmt.Errorf("read the hub's signer: %s holds no certificate", signerFile)
	}
	signer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return Trust{}, fmt.Errorf("read the hub's signer: %w", err)
	}
	return Trust{Roots: roots, Pins: distcert.Pins{Subjects: []string{signer.Subject.String()}}}, nil
}

// Distribution verifies a distribution certificate. hash is SHA-256 in hexadecimal; if it is empty, Checks.Hash is false. The
// certificate is nil if it is not intact. The error names every failed check.
func Distribution(pdf []byte, trust Trust, edocNum, hash string, at time.Time) (*distcert.Certificate, Checks, error) {
	certificate, found, err := distcert.Verify(pdf, distcert.Options{Roots: trust.Roots, PinnedSigner: trust.Pins, At: at})
	checks := Checks{Signature: found.Format && found.Signature, Chain: found.Chain && found.Identity && found.Validity}
	if certificate == nil {
		return nil, checks, err
	}
	// Without a document there is no hash to compare.
	mismatch := certificate.Match(edocNum, cmp.Or(hash, certificate.Hash))
	checks.EdocNum = !errors.Is(mismatch, distcert.ErrEdocNum)
	checks.Hash = hash != "" && !errors.Is(mismatch, distcert.ErrHash)
	return certificate, checks, errors.Join(err, mismatch)
}

// archiveSkew is how far the archive's clock may be ahead of ours.
const archiveSkew = time.Second

// Archive makes a verifier of an archive's certificates.
func Archive(rootFile, issuer string, clock archivecert.Clock) (*archivecert.Verifier, error) {
	roots, err := endpoints.Roots(rootFile)
	if err != nil {
		return nil, fmt.Errorf("read the archive's root: %w", err)
	}
	return archivecert.New(archivecert.Options{Roots: roots, Issuers: []string{issuer}, Clock: clock, Skew: archiveSkew})
}

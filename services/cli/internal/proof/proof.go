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
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

// Trust holds the roots and the pinned signer of the hub.
type Trust struct {
	Roots *x509.CertPool
	// TimeStampRoots are those of time stamps that were added to certificates; nil: Roots.
	TimeStampRoots *x509.CertPool
	Pins           distcert.Pins
	// SubFilters are the accepted forms of signature; none: PAdES alone.
	SubFilters []string
	// Profile of the hub's certificates, and which of its checks may be not checkable.
	Profile string
	Policy  proof.Policy
}

// Checks are the results of verifying a distribution certificate.
type Checks struct {
	// Signature: the whole file has the known form and one signature, and is unchanged.
	Signature proof.Outcome `json:"signature"`
	// Chain: the signer is the pinned one and chains to the pinned root.
	Chain proof.Outcome `json:"chain"`
	// Validity: signer and certificate are valid now.
	Validity proof.Outcome `json:"validity"`
	// Hash and EdocNum: the certificate is about this document. Hash is absent if there was no document to compare, or it
	// differs.
	Hash    proof.Outcome `json:"hash,omitzero"`
	EdocNum proof.Outcome `json:"edocNum"`
}

// Unaccepted lists the checks that the policy does not accept as they are.
func (c Checks) Unaccepted(policy proof.Policy) []string {
	var names []string
	for _, check := range []struct {
		name    string
		outcome proof.Outcome
	}{
		{"signature", c.Signature}, {"chain", c.Chain}, {distcert.CheckValidity, c.Validity}, {distcert.CheckHash, c.Hash}, {distcert.CheckEdocNum, c.EdocNum},
	} {
		if !policy.Accepts(check.name, check.outcome) {
			names = append(names, check.name)
		}
	}
	return names
}

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

// Distribution verifies a distribution certificate. hash is SHA-256 in hexadecimal; it may be empty. The certificate is nil if it
// is not intact. The error names every failed check.
func Distribution(pdf []byte, trust Trust, edocNum, hash string, at time.Time) (*distcert.Certificate, Checks, error) {
	certificate, found, err := distcert.Verify(pdf, distcert.Options{
		Profile: trust.Profile, SubFilters: trust.SubFilters, Roots: trust.Roots, TimeStampRoots: trust.TimeStampRoots, PinnedSigner: trust.Pins, At: at,
	})
	checks := Checks{Signature: min(found.Format, found.Signature), Chain: min(found.Chain, found.Identity), Validity: found.Validity}
	if certificate == nil {
		return nil, checks, err
	}
	// Without a document there is no hash to compare.
	mismatch := certificate.Match(edocNum, cmp.Or(hash, certificate.Hash))
	of := func(check distcert.Check) proof.Outcome {
		switch {
		case !certificate.Readable():
			return proof.NotCheckable
		case errors.Is(mismatch, check):
			return proof.NotPassed
		default:
			return proof.Passed
		}
	}
	checks.EdocNum = of(distcert.ErrEdocNum)
	if hash != "" {
		checks.Hash = of(distcert.ErrHash)
	}
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
	return archivecert.New(archivecert.Options{
		Issuers: []archivecert.Issuer{{Name: issuer, Profile: archivecert.Format, Roots: roots}}, Clock: clock, Skew: archiveSkew,
	})
}

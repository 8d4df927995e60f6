package distcert

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Pins name the signers that may sign distribution certificates; a signer that fits one entry of either list passes. At least one
// is required: being under the pinned root is not enough.
type Pins struct {
	// SPKI are SHA-256 digests of the subject public key info, hexadecimal.
	SPKI []string
	// Subjects are distinguished names in the form of RFC 2253, as pkix.Name.String gives them.
	Subjects []string
}

// Options say whom a verification trusts and for which moment.
type Options struct {
	// Roots are the hub's pinned roots; required.
	Roots *x509.CertPool
	// PinnedSigner is required.
	PinnedSigner Pins
	// At is the time of the judgement; required.
	At time.Time
	// Cache of verified signers; may be nil.
	Cache *cms.ChainCache
	// Revocations are known beside those that the signature carries; nil means none.
	Revocations *cms.Revocations
}

// Checks says which checks passed. A check that could not be made, because an earlier one failed, is false, too.
type Checks struct {
	// Format: a whole file under exactly one signature, with the documented content.
	Format bool
	// Signature: no byte was changed since the signer signed.
	Signature bool
	// Chain: the signer is under a pinned root, may sign documents, and was not revoked or distrusted before.
	Chain bool
	// Identity: the signer is a pinned one.
	Identity bool
	// Validity: signer and certificate are valid at the time asked about.
	Validity bool
}

// Certificate is a distribution certificate that was read.
type Certificate struct {
	Content
	// Algorithm of Hash and AttachmentHashes.
	Algorithm string
	// SignedAt is the time the signature claims; zero when it claims none.
	SignedAt time.Time
	// Signer is the signing certificate. It MUST NOT be changed.
	Signer *x509.Certificate
	// Digest of the file: SHA-256, lower-case hexadecimal.
	Digest string
}

// Match checks that the certificate is about this document (hash in hexadecimal, either case). The error is ErrEdocNum, ErrHash,
// or both.
func (c *Certificate) Match(edocNum, hash string) error {
	var failures []error
	if c.EdocNum != edocNum {
		failures = append(failures, &Failure{Check: ErrEdocNum, Detail: "document number differs"})
	}
	if !strings.EqualFold(c.Hash, hash) {
		failures = append(failures, &Failure{Check: ErrHash, Detail: "document hash differs"})
	}
	return errors.Join(failures...)
}

// Verify judges a distribution certificate. The error joins one *Failure for every check that failed. The certificate is nil
// unless the file is intact and the pinned signer's own; it is given together with an error when only its validity failed, so
// that a caller can say what expired.
func Verify(pdf []byte, opts Options) (*Certificate, Checks, error) {
	var checks Checks
	if opts.Roots == nil || opts.At.IsZero() || len(opts.PinnedSigner.SPKI)+len(opts.PinnedSigner.Subjects) == 0 {
		return nil, checks, errors.New("verify distribution certificate: roots, pinned signer and time are required")
	}
	signed, failure := split(pdf)
	if failure != nil {
		return nil, checks, failure
	}
	result, err := cms.Judge(signed.cms, signed.content, cms.VerifyOptions{
		Roots: opts.Roots, At: opts.At, MaxBytes: maxSignatureBytes, RequireBinding: true, Cache: opts.Cache, Revocations: opts.Revocations,
	})
	failures := proof.Translate(err, cms.FailedChecks(err), envelope, malformed("signature is not of the accepted form"))
	if result == nil {
		return nil, checks, errors.Join(failures...)
	}
	if !opts.PinnedSigner.match(result.Signer) {
		failures = append(failures, &Failure{Check: ErrIdentity, Detail: "signer is not a pinned one"})
	}
	failed := FailedChecks(errors.Join(failures...))
	passed := func(c Check) bool { return !slices.Contains(failed, c) }
	checks = Checks{
		Format: passed(ErrFormat), Signature: passed(ErrSignature), Chain: passed(ErrChain),
		Identity: passed(ErrIdentity), Validity: passed(ErrValidity),
	}
	if !checks.Format || !checks.Signature || !checks.Chain || !checks.Identity {
		return nil, checks, errors.Join(failures...)
	}
	certificate, err := read(pdf, signed)
	if err != nil {
		checks.Format = false
		return nil, checks, errors.Join(append(failures, &Failure{Check: ErrFormat, Detail: "content of the file", Cause: err})...)
	}
	certificate.Signer = result.Signer
	if certificate.SignedAt.IsZero() {
		certificate.SignedAt = result.SigningTime
	}
	if opts.At.Before(certificate.IssuedAt) || opts.At.After(certificate.ValidUntil) {
		checks.Validity = false
		failures = append(failures, &Failure{Check: ErrValidity, Detail: "certificate is not valid at that time"})
	}
	return certificate, checks, errors.Join(failures...)
}

func read(pdf []byte, signed *signedFile) (*Certificate, error) {
	document, err := readDocument(pdf, signed)
	if err != nil {
		return nil, err
	}
	content, err := DecodeContent(document.content)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(pdf)
	return &Certificate{
		Content: *content, Algorithm: HashAlgorithm, SignedAt: document.signedAt, Digest: hex.EncodeToString(digest[:]),
	}, nil
}

func (p Pins) match(signer *x509.Certificate) bool {
	digest := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	spki := hex.EncodeToString(digest[:])
	return slices.ContainsFunc(p.SPKI, func(pin string) bool { return strings.EqualFold(pin, spki) }) ||
		slices.Contains(p.Subjects, signer.Subject.String())
}

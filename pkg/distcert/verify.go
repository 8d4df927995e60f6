package distcert

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
)

// MaxBytes bounds a distribution certificate.
const MaxBytes = 20 << 20

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
	// Profile is how the file is read; default ProfileSandbox.
	Profile string
	// Roots are the hub's pinned roots; required.
	Roots *x509.CertPool
	// SubFilters are the accepted forms of signature; default SubFilterPAdES alone.
	SubFilters []string
	// PinnedSigner is required.
	PinnedSigner Pins
	// At is the time of the judgement; required.
	At time.Time
	// Cache of verified signers; may be nil.
	Cache *cms.ChainCache
	// TimeStampRoots are the pinned roots of those whose time stamps may be added to a file; default Roots.
	TimeStampRoots *x509.CertPool
	// Revocations are known beside those that the signature carries; nil means none.
	Revocations *cms.Revocations
}

// Checks says what came of the checks that a file needs nothing else for.
type Checks struct {
	// Format: a whole file under exactly one signature, with the content of its profile.
	Format proof.Outcome
	// Signature: no byte was changed since the signer signed.
	Signature proof.Outcome
	// Chain: the signer is under a pinned root, may sign documents, and was not revoked or distrusted before.
	Chain proof.Outcome
	// Identity: the signer is a pinned one.
	Identity proof.Outcome
	// Validity: signer and certificate are valid at the time asked about. Under ProfilePinnedSigner it is not checkable where the
	// signer is and signed before that time.
	Validity proof.Outcome
}

// Certificate is a distribution certificate that was read.
type Certificate struct {
	// Content is what it states; under ProfilePinnedSigner nothing but IssuedAt, which is then the time of the signature.
	Content
	// Profile by which it was read.
	Profile string
	// Algorithm of Hash and AttachmentHashes.
	Algorithm string
	// SignedAt is the time the signature claims; zero when it claims none, which ProfilePinnedSigner refuses.
	SignedAt time.Time
	// Signer is the signing certificate. It MUST NOT be changed.
	Signer *x509.Certificate
	// Digest of the file: SHA-256, lower-case hexadecimal.
	Digest string
	// Updates that were appended after it was signed, the first one first.
	Updates []Update
}

// Readable reports whether what the certificate states can be read.
func (c *Certificate) Readable() bool { return c.Profile == ProfileSandbox }

// Match checks that the certificate is about this document (hash in hexadecimal, either case), if what it states can be read. The
// error is ErrEdocNum, ErrHash, or both.
func (c *Certificate) Match(edocNum, hash string) error {
	var failures []error
	if !c.Readable() {
		return nil
	}
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
	opts.Profile = cmp.Or(opts.Profile, ProfileSandbox)
	if len(opts.SubFilters) == 0 {
		opts.SubFilters = []string{SubFilterPAdES}
	}
	if opts.Roots == nil || opts.At.IsZero() || len(opts.PinnedSigner.SPKI)+len(opts.PinnedSigner.Subjects) == 0 ||
		opts.Profile != ProfileSandbox && opts.Profile != ProfilePinnedSigner {
		return nil, checks, errors.New("verify distribution certificate: roots, pinned signer, time and a known profile are required")
	}
	file, err := open(pdf)
	if err != nil {
		return nil, checks, err
	}
	result, err := cms.Judge(file.CMS, file.Content, cms.VerifyOptions{
		Roots: opts.Roots, At: opts.At, Cache: opts.Cache, Revocations: opts.Revocations,
		RequireBinding: !slices.Contains(opts.SubFilters, SubFilterPKCS7), // else by the form, which is read later
	})
	failures := proof.Translate(err, cms.FailedChecks(err), envelope, malformed("signature is not of the accepted form"))
	if result == nil {
		return nil, checks, errors.Join(failures...)
	}
	if !opts.PinnedSigner.match(result.Signer) {
		failures = append(failures, &Failure{Check: ErrIdentity, Detail: "signer is not a pinned one"})
	}
	failed := FailedChecks(errors.Join(failures...))
	passed := func(c Check) proof.Outcome {
		if slices.Contains(failed, c) {
			return proof.NotPassed
		}
		return proof.Passed
	}
	checks = Checks{
		Format: passed(ErrFormat), Signature: passed(ErrSignature), Chain: passed(ErrChain),
		Identity: passed(ErrIdentity), Validity: passed(ErrValidity),
	}
	if slices.Contains([]proof.Outcome{checks.Format, checks.Signature, checks.Chain, checks.Identity}, proof.NotPassed) {
		return nil, checks, errors.Join(failures...)
	}
	certificate, err := read(pdf, file, opts, result)
	if err != nil {
		checks.Format = proof.NotPassed
		return nil, checks, errors.Join(append(failures, &Failure{Check: ErrFormat, Detail: "content of the file", Cause: err})...)
	}
	certificate.Signer = result.Signer
	if !certificate.validAt(opts.At) {
		checks.Validity = proof.NotPassed
		failures = append(failures, &Failure{Check: ErrValidity, Detail: "certificate is not valid at that time"})
	}
	if checks.Validity == proof.Passed && !certificate.Readable() {
		checks.Validity = proof.NotCheckable
	}
	return certificate, checks, errors.Join(failures...)
}

// validAt judges the period that the certificate states; where none can be read, that it was signed before and in its signer's
// life.
func (c *Certificate) validAt(at time.Time) bool {
	if c.Readable() {
		return !at.Before(c.IssuedAt) && !at.After(c.ValidUntil)
	}
	return !at.Before(c.SignedAt) && !c.SignedAt.Before(c.Signer.NotBefore) && !c.SignedAt.After(c.Signer.NotAfter)
}

// open takes the file apart by its bytes alone.
func open(pdf []byte) (*pades.File, error) {
	if len(pdf) > MaxBytes {
		return nil, malformed("file is too large")
	}
	file, err := pades.Open(pdf)
	if err != nil {
		return nil, &Failure{Check: ErrFormat, Detail: "not wholly under one signature", Cause: err}
	}
	if file.Rest != nil {
		return nil, &Failure{Check: ErrFormat, Detail: "signature does not cover the whole file", Cause: file.Rest}
	}
	return file, nil
}

// read reads the file by its profile.
func read(pdf []byte, file *pades.File, opts Options, signature *cms.Result) (*Certificate, error) {
	digest := sha256.Sum256(pdf)
	c := &Certificate{Profile: opts.Profile, Digest: hex.EncodeToString(digest[:])}
	document, err := readDocument(file, signature.Bound, opts)
	if err != nil {
		return nil, err
	}
	c.Updates = document.updates
	if c.SignedAt = document.signedAt; c.SignedAt.IsZero() {
		c.SignedAt = signature.SigningTime
	}
	if !c.Readable() {
		c.IssuedAt = c.SignedAt
		if c.SignedAt.IsZero() {
			return nil, errors.New("signature claims no time")
		}
		return c, nil
	}
	content, err := DecodeContent(document.content)
	if err != nil {
		return nil, err
	}
	c.Content, c.Algorithm = *content, HashAlgorithm
	return c, nil
}

func (p Pins) match(signer *x509.Certificate) bool {
	digest := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	spki := hex.EncodeToString(digest[:])
	return slices.ContainsFunc(p.SPKI, func(pin string) bool { return strings.EqualFold(pin, spki) }) ||
		slices.Contains(p.Subjects, signer.Subject.String())
}

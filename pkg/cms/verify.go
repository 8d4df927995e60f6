package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"time"
)

// VerifyOptions say under which trust and at what time a message is judged.
type VerifyOptions struct {
	// Roots are the pinned roots; required. The system's roots are never used.
	Roots *x509.CertPool
	// At is the time of the judgement; required.
	At time.Time
	// KeyUsages are the extended key usages of which the signer certificate must allow one. Empty means: a certificate that
	// restricts its extended use must allow e-mail protection or document signing (RFC 9336).
	KeyUsages []x509.ExtKeyUsage
	// MaxBytes bounds the encoded message; zero means DefaultMaxBytes. Detached content is the caller's to bound.
	MaxBytes int
	// RequireBinding demands the signingCertificateV2 attribute, as CAdES and PAdES do; when present it is always checked.
	RequireBinding bool
	// Cache remembers verified certificate paths; nil means none.
	Cache *ChainCache
	// Revocations are known beside those that the message carries; nil means none.
	Revocations *Revocations
}

// signingAhead is how far the claimed signing time may be after the time of the judgement: clocks differ.
const signingAhead = 5 * time.Minute

// Result is what a message says; from Verify, one that passed every check. Signer is shared with the cache and MUST NOT be
// changed.
type Result struct {
	// Content is the signed content, attached or as given.
	Content []byte
	// Signer is the certificate whose key signed.
	Signer *x509.Certificate
	// SigningTime is what the signer claims; zero when it claims nothing.
	SigningTime time.Time
	// Digest is the digest algorithm of the signature.
	Digest crypto.Hash
}

// Verify judges DER SignedData. detachedContent is nil when the message carries its content, else the content; giving it for a
// message that carries its own is a failure. On error the result is nil and the error joins one *Failure for every check that
// failed; a Format failure can hide others, since later checks need the form.
func Verify(der, detachedContent []byte, opts VerifyOptions) (*Result, error) {
	result, err := Judge(der, detachedContent, opts)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// Judge is Verify for reports: beside the error it tells what the message claims, as far as it could be read; nil when it could
// not. A result that comes with an error MUST NOT be relied on.
func Judge(der, detachedContent []byte, opts VerifyOptions) (*Result, error) {
	if opts.Roots == nil || opts.At.IsZero() {
		return nil, errors.New("verify cms: no roots or no time")
	}
	limit := opts.MaxBytes
	if limit == 0 {
		limit = DefaultMaxBytes
	}
	if len(der) > limit {
		return nil, malformed("message is too large")
	}
	m, failure := parse(der)
	if failure != nil {
		return nil, failure
	}
	content, failure := m.signedContent(detachedContent)
	if failure != nil {
		return nil, failure
	}
	path, failures := findPath(m, opts)
	if path == nil {
		return nil, join(failures)
	}
	if len(failures) == 0 {
		failures = checkRevocation(path.chain, m.revocation, opts)
	}
	if m.signer.attributes.signingTime.After(opts.At.Add(signingAhead)) {
		failures = append(failures, &Failure{Check: Validity, Detail: "claimed signing time is in the future"})
	}
	failures = append(m.signer.verify(content, path.leaf, opts.RequireBinding), failures...)
	return &Result{
		Content: content, Signer: path.leaf,
		SigningTime: m.signer.attributes.signingTime, Digest: m.signer.digest,
	}, join(failures)
}

func (m *message) signedContent(detached []byte) ([]byte, *Failure) {
	switch {
	case m.attached && detached != nil:
		return nil, malformed("content is given twice")
	case m.attached:
		return m.content, nil
	case detached == nil:
		return nil, malformed("content is detached and not given")
	default:
		return detached, nil
	}
}

// verify checks everything that ties content, attributes, signature and signer certificate together.
func (s *signerInfo) verify(content []byte, leaf *x509.Certificate, requireBinding bool) []*Failure {
	var failures []*Failure
	if !bytes.Equal(sum(s.digest, content), s.attributes.messageDigest) {
		failures = append(failures, &Failure{Check: Digest, Detail: "content differs from what was signed"})
	}
	algorithm, failure := signatureAlgorithm(s.algorithm, s.digest, leaf.PublicKey)
	switch {
	case failure != nil:
		failures = append(failures, failure)
	default:
		if err := leaf.CheckSignature(algorithm, s.toVerify, s.signature); err != nil {
			failures = append(failures, &Failure{Check: Signature, Detail: "signature is not the signer's", Cause: err})
		}
	}
	if failure := s.checkBinding(leaf, requireBinding); failure != nil {
		failures = append(failures, failure)
	}
	if at := s.attributes.signingTime; !at.IsZero() && (at.Before(leaf.NotBefore) || at.After(leaf.NotAfter)) {
		failures = append(failures, &Failure{Check: Validity, Detail: "claimed signing time is outside the signer certificate's validity"})
	}
	return failures
}

func (s *signerInfo) checkBinding(leaf *x509.Certificate, required bool) *Failure {
	if len(s.attributes.bindings) == 0 {
		if required {
			return malformed("no signingCertificateV2")
		}
		return nil
	}
	first := s.attributes.bindings[0]
	if !bytes.Equal(sum(first.hash, leaf.Raw), first.fingerprint) {
		return &Failure{Check: Signature, Detail: "signed attribute names another signing certificate"}
	}
	return nil
}

// signatureAlgorithm accepts an algorithm only if it fits both the announced digest and the key.
func signatureAlgorithm(oid asn1.ObjectIdentifier, digest crypto.Hash, key crypto.PublicKey) (x509.SignatureAlgorithm, *Failure) {
	if err := acceptKey(key); err != nil {
		return 0, &Failure{Check: Format, Detail: "signer's key", Cause: err}
	}
	type row struct {
		oid    asn1.ObjectIdentifier
		digest crypto.Hash
		result x509.SignatureAlgorithm
	}
	var rows []row
	switch key.(type) {
	case *ecdsa.PublicKey:
		rows = []row{
			{oidECDSAWithSHA256, crypto.SHA256, x509.ECDSAWithSHA256},
			{oidECDSAWithSHA384, crypto.SHA384, x509.ECDSAWithSHA384},
			{oidECDSAWithSHA512, crypto.SHA512, x509.ECDSAWithSHA512},
		}
	case *rsa.PublicKey:
		rows = []row{
			{oidSHA256WithRSA, crypto.SHA256, x509.SHA256WithRSA},
			{oidSHA384WithRSA, crypto.SHA384, x509.SHA384WithRSA},
			{oidSHA512WithRSA, crypto.SHA512, x509.SHA512WithRSA},
			{oidRSA, crypto.SHA256, x509.SHA256WithRSA},
			{oidRSA, crypto.SHA384, x509.SHA384WithRSA},
			{oidRSA, crypto.SHA512, x509.SHA512WithRSA},
		}
	}
	for _, r := range rows {
		if r.digest == digest && r.oid.Equal(oid) {
			return r.result, nil
		}
	}
	return 0, malformed("signature algorithm is not accepted with this digest and key")
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

func join(failures []*Failure) error {
	errs := make([]error, 0, len(failures))
	for _, failure := range failures {
		errs = append(errs, failure)
	}
	return errors.Join(errs...)
}

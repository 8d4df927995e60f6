package cms

import (
	"bytes"
	"cmp"
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
	// Kind is what the message must be.
	Kind Kind
	// WithoutContent judges a detached message whose content is not at hand: all but the digest check, which is the caller's to
	// make with Result.MessageDigest.
	WithoutContent bool
	// MaxBytes bounds the encoded message; zero means DefaultMaxBytes. Detached content is the caller's to bound.
	MaxBytes int
	// RequireBinding demands that a signed attribute names the signing certificate, as CAdES, PAdES and time stamps do; when
	// present it is always checked.
	RequireBinding bool
	// Exact demands the one spelling of a message whose bytes nothing else covers, so that a change of any byte is seen, of an
	// unsigned one, too: the versions that follow from the content, one digest algorithm, an RSA signature called rsaEncryption,
	// exactly the certificates of the signer's path, no revocation lists and no unsigned attributes.
	Exact bool
	// Cache remembers verified certificate paths; nil means none.
	Cache *ChainCache
	// Revocations are known beside those that the message carries; nil means none.
	Revocations *Revocations
	// Beside is revocation data that stands beside the message; nil means none.
	Beside *RevocationData
}

// signingAhead is how far the claimed signing time may be after the time of the judgement: clocks differ.
const signingAhead = 5 * time.Minute

// Result is what a message says; from Verify, one that passed every check. Signer is shared with the cache and MUST NOT be
// changed.
type Result struct {
	// Content is the signed content, attached or as given; nil for a message that was judged without it.
	Content []byte
	// MessageDigest is the digest of the content that was signed.
	MessageDigest []byte
	// Signer is the certificate whose key signed.
	Signer *x509.Certificate
	// SigningTime is what the signer claims; zero when it claims nothing.
	SigningTime time.Time
	// Digest is the digest algorithm of the signature.
	Digest crypto.Hash
	// Bound tells that a signed attribute names the signing certificate.
	Bound bool
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
	m, err := Read(der, opts.MaxBytes)
	if err != nil {
		return nil, err
	}
	return m.Judge(detachedContent, opts)
}

// Read takes DER SignedData apart and judges nothing. The error is a Format failure.
func Read(der []byte, maxBytes int) (*Message, error) {
	if len(der) > cmp.Or(maxBytes, DefaultMaxBytes) {
		return nil, malformed("message is too large")
	}
	m, failure := parse(der)
	if failure != nil {
		return nil, failure
	}
	return m, nil
}

// Judge is the function Judge for a message that was read.
func (m *Message) Judge(detachedContent []byte, opts VerifyOptions) (*Result, error) {
	if opts.Roots == nil || opts.At.IsZero() {
		return nil, errors.New("verify cms: no roots or no time")
	}
	if failure := m.checkKind(opts.Kind.rules()); failure != nil {
		return nil, failure
	}
	content, failure := m.signedContent(detachedContent, opts.WithoutContent)
	if failure != nil {
		return nil, failure
	}
	path, failures := findPath(m, opts)
	if path == nil {
		return nil, join(failures)
	}
	if failure := m.checkExact(path, opts.Exact); failure != nil {
		failures = append(failures, failure)
	}
	if len(failures) == 0 {
		failures = checkRevocation(path.chain, m.revocation.with(opts.Beside), opts)
	}
	if m.signer.attributes.signingTime.After(opts.At.Add(signingAhead)) {
		failures = append(failures, &Failure{Check: Validity, Detail: "claimed signing time is in the future"})
	}
	failures = append(m.signer.verify(content, path.leaf, opts.RequireBinding), failures...)
	return &Result{
		Content: content, MessageDigest: m.signer.attributes.messageDigest, Signer: path.leaf,
		SigningTime: m.signer.attributes.signingTime, Digest: m.signer.digest, Bound: len(m.signer.attributes.bindings) > 0,
	}, join(failures)
}

// checkKind holds the message to the content type of its kind, and to how its signer may be bound.
func (m *Message) checkKind(rules kindRules) *Failure {
	attributes := &m.signer.attributes
	if !m.contentType.Equal(rules.contentType) || !attributes.contentType.Equal(rules.contentType) {
		return malformed("content type is not the one of this kind of message")
	}
	if attributes.oldBinding == nil {
		return nil
	}
	if !rules.oldBinding {
		return malformed("signing certificate is bound by SHA-1")
	}
	return attributes.takeBinding(attributes.oldBinding, crypto.SHA1)
}

func (m *Message) signedContent(detached []byte, without bool) ([]byte, *Failure) {
	switch {
	case without && !m.attached && detached == nil:
		return nil, nil
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

// verify checks everything that ties content, attributes, signature and signer certificate together; content is nil where the
// message is judged without it.
func (s *signerInfo) verify(content []byte, leaf *x509.Certificate, requireBinding bool) []*Failure {
	var failures []*Failure
	if content != nil && !bytes.Equal(sum(s.digest, content), s.attributes.messageDigest) {
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
	for _, bound := range s.attributes.bindings {
		if !bytes.Equal(sum(bound.hash, leaf.Raw), bound.fingerprint) {
			return &Failure{Check: Signature, Detail: "signed attribute names another signing certificate"}
		}
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

package archivecert

import (
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Clock gives the present time, for callers that ask about no particular time.
type Clock interface{ Now() time.Time }

// Options say whom a Verifier trusts. All fields but Skew and CacheSize are required.
type Options struct {
	// Roots are the pinned roots of archives.
	Roots *x509.CertPool
	// Issuers are the allowed archives, by the common name of their signing certificates.
	Issuers []string
	// Clock is asked when the given time is zero.
	Clock Clock
	// Skew is how far an archive's clock may run ahead of ours; default none.
	Skew time.Duration
	// CacheSize bounds the remembered signer certificates; default 256.
	CacheSize int
	// Revocations are known beside those that a certificate carries; nil means none.
	Revocations *cms.Revocations
}

// Registration is a verified registration certificate.
type Registration struct {
	Statement
	// Digest of the certificate's bytes, see Digest.
	Digest string
	// Signer is the archive's certificate. It MUST NOT be changed.
	Signer *x509.Certificate
}

// Original is a verified original certificate.
type Original struct {
	Statement
	// RegistrationCertificateDigest names the registration certificate of the same deposit.
	RegistrationCertificateDigest string
	Digest                        string
	Signer                        *x509.Certificate
}

// Verifier verifies certificates; safe for concurrent use.
type Verifier struct {
	opts  Options
	cache *cms.ChainCache
}

// New checks the options.
func New(opts Options) (*Verifier, error) {
	if opts.Roots == nil || len(opts.Issuers) == 0 || opts.Clock == nil {
		return nil, errors.New("make archive certificate verifier: roots, issuers and clock are required")
	}
	if opts.CacheSize == 0 {
		opts.CacheSize = 256
	}
	return &Verifier{opts: opts, cache: cms.NewChainCache(opts.CacheSize)}, nil
}

// Registration verifies a registration certificate at a time (zero: now). The error joins one *Failure for every check that
// failed.
func (v *Verifier) Registration(der []byte, at time.Time) (*Registration, error) {
	w, s, signer, err := v.verify(KindRegistration, der, at)
	if err != nil {
		return nil, err
	}
	if w.RegistrationCertificateDigest != "" {
		return nil, malformed("a registration refers to no other certificate")
	}
	return &Registration{Statement: *s, Digest: Digest(der), Signer: signer}, nil
}

// Original verifies an original certificate at a time (zero: now). The error joins one *Failure for every check that failed.
func (v *Verifier) Original(der []byte, at time.Time) (*Original, error) {
	w, s, signer, err := v.verify(KindOriginal, der, at)
	if err != nil {
		return nil, err
	}
	digest, ok := proof.Hash(w.RegistrationCertificateDigest)
	if !ok {
		return nil, malformed("digest of the registration certificate")
	}
	return &Original{Statement: *s, RegistrationCertificateDigest: digest, Digest: Digest(der), Signer: signer}, nil
}

func (v *Verifier) verify(kind Kind, der []byte, at time.Time) (*wire, *Statement, *x509.Certificate, error) {
	if at.IsZero() {
		at = v.opts.Clock.Now()
	}
	signed, err := cms.Verify(der, nil, cms.VerifyOptions{
		Roots: v.opts.Roots, At: at, MaxBytes: MaxBytes, RequireBinding: true, Cache: v.cache, Revocations: v.opts.Revocations,
	})
	if err != nil {
		return nil, nil, nil, errors.Join(proof.Translate(err, cms.FailedChecks(err), envelope, malformed("not the accepted form of SignedData"))...)
	}
	w, failure := decode(signed.Content)
	if failure != nil {
		return nil, nil, nil, failure
	}
	s, err := w.statement()
	if err != nil {
		return nil, nil, nil, err
	}
	var failures []error
	if w.Kind != kind {
		failures = append(failures, &Failure{Check: ErrKind, Detail: "certificate is of another kind"})
	}
	if name := signed.Signer.Subject.CommonName; name != s.Issuer || !slices.Contains(v.opts.Issuers, name) {
		failures = append(failures, &Failure{Check: ErrForeign, Detail: "signer is not an allowed issuer or not the one named"})
	}
	if at.Add(v.opts.Skew).Before(s.ValidFrom) || at.After(s.ValidUntil) {
		failures = append(failures, &Failure{Check: ErrExpired, Detail: "certificate is not valid at that time"})
	}
	if len(failures) > 0 {
		return nil, nil, nil, errors.Join(failures...)
	}
	return w, s, signed.Signer, nil
}

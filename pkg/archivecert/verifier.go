package archivecert

import (
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Clock gives the present time, for callers that ask about no particular time.
type Clock interface{ Now() time.Time }

// Options say whom a Verifier trusts. Issuers and Clock are required.
type Options struct {
	// Issuers are the accepted archives; no two have the same signer.
	Issuers []Issuer
	// Clock is asked when the given time is zero.
	Clock Clock
	// Skew is how far an archive's clock may run ahead of ours; default none.
	Skew time.Duration
	// CacheSize bounds the remembered signer certificates; default 256.
	CacheSize int
	// Revocations are known beside those that a certificate carries; nil means none.
	Revocations *cms.Revocations
}

// Issuer is an accepted archive. Name, Profile and Roots are required.
type Issuer struct {
	// Name of the archive, and how its certificates are read.
	Name, Profile string
	// Roots are the pinned roots of its signing certificates.
	Roots *x509.CertPool
	// Signer is the common name of its signing certificates; default its name.
	Signer string
	// Policies of which a token or response must name one, dotted; none accepts any.
	Policies []string
	// NotCheckable is the policy for what its certificates do not say.
	NotCheckable proof.Policy

	profile profile
}

// Registration is a verified registration certificate.
type Registration struct {
	// Statement is what the certificate says; what its profile does not say is zero, except that Issuer is the archive's name.
	Statement
	// Profile by which it was read.
	Profile string
	// NotCheckable are the checks, CheckOwner and CheckValidity, for which it does not say what they need, which the policy
	// accepts.
	NotCheckable []string
	// Digest of the certificate's bytes, see Digest.
	Digest string
	// Signer is the archive's certificate. It MUST NOT be changed.
	Signer *x509.Certificate

	issuer *Issuer
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
	opts    Options
	issuers map[string]*Issuer // by the common name of the signer
	cache   *cms.ChainCache
}

// New checks the options.
func New(opts Options) (*Verifier, error) {
	if len(opts.Issuers) == 0 || opts.Clock == nil {
		return nil, errors.New("make archive certificate verifier: issuers and clock are required")
	}
	if opts.CacheSize == 0 {
		opts.CacheSize = 256
	}
	v := &Verifier{opts: opts, issuers: map[string]*Issuer{}, cache: cms.NewChainCache(opts.CacheSize)}
	for _, issuer := range opts.Issuers {
		issuer.Signer = cmp.Or(issuer.Signer, issuer.Name)
		known, ok := profiles[issuer.Profile]
		if issuer.Name == "" || issuer.Roots == nil || !ok || v.issuers[issuer.Signer] != nil {
			return nil, errors.New("make archive certificate verifier: name, profile, roots and a signer of its own are required of each issuer")
		}
		issuer.profile = known
		v.issuers[issuer.Signer] = &issuer
	}
	return v, nil
}

// Registration verifies a registration certificate at a time (zero: now). The error joins one *Failure for every check that
// failed.
func (v *Verifier) Registration(der []byte, at time.Time) (*Registration, error) {
	c, issuer, signer, err := v.verify(KindRegistration, der, at)
	if err != nil {
		return nil, err
	}
	if c.registrationDigest != "" {
		return nil, malformed("a registration refers to no other certificate")
	}
	r := &Registration{Statement: c.Statement, Profile: issuer.Profile, Digest: Digest(der), Signer: signer, issuer: issuer}
	for _, check := range []string{CheckOwner, CheckValidity} {
		if err := issuer.judge(check); err != nil {
			return nil, err
		}
		if !issuer.profile.says(check) {
			r.NotCheckable = append(r.NotCheckable, check)
		}
	}
	return r, nil
}

// Covers is Statement's, for certificates of every profile: it lists which checks beside r.NotCheckable cannot be made either.
// The error is ErrHash or ErrNotCheckable.
func (r *Registration) Covers(hash string, attachments []string) (notCheckable []string, err error) {
	if r.issuer.profile.says(CheckAttachments) {
		return nil, r.Statement.Covers(hash, attachments)
	}
	if err := r.Statement.Covers(hash, nil); err != nil || len(attachments) == 0 {
		return nil, err
	}
	return []string{CheckAttachments}, r.issuer.judge(CheckAttachments)
}

// judge asks the policy about a check that may be not checkable.
func (i *Issuer) judge(check string) error {
	if i.profile.says(check) || i.NotCheckable.Accepts(check, proof.NotCheckable) {
		return nil
	}
	return &Failure{Check: ErrNotCheckable, Detail: check + " is not stated"}
}

// Original verifies an original certificate at a time (zero: now). The error joins one *Failure for every check that failed.
func (v *Verifier) Original(der []byte, at time.Time) (*Original, error) {
	c, _, signer, err := v.verify(KindOriginal, der, at)
	if err != nil {
		return nil, err
	}
	digest, ok := proof.Hash(c.registrationDigest)
	if !ok {
		return nil, malformed("digest of the registration certificate")
	}
	return &Original{Statement: c.Statement, RegistrationCertificateDigest: digest, Digest: Digest(der), Signer: signer}, nil
}

// verify finds the issuer by the signer's name, and reads the certificate as the issuer's certificates are read once its envelope
// holds.
func (v *Verifier) verify(kind Kind, der []byte, at time.Time) (*content, *Issuer, *x509.Certificate, error) {
	if at.IsZero() {
		at = v.opts.Clock.Now()
	}
	refused := func(err error) (*content, *Issuer, *x509.Certificate, error) {
		return nil, nil, nil, errors.Join(proof.Translate(err, cms.FailedChecks(err), envelope, malformed("not the accepted form of SignedData"))...)
	}
	message, err := cms.Read(der, MaxBytes)
	if err != nil {
		return refused(err)
	}
	leaf, err := message.Signer()
	if err != nil {
		return refused(err)
	}
	issuer := v.issuers[leaf.Subject.CommonName]
	if issuer == nil {
		return nil, nil, nil, &Failure{Check: ErrForeign, Detail: "signer is not an allowed issuer"}
	}
	signed, err := message.Judge(nil, cms.VerifyOptions{
		Kind: issuer.profile.kind, WithoutContent: issuer.profile.detached, Roots: issuer.Roots, At: at, RequireBinding: true,
		Cache: v.cache, Revocations: v.opts.Revocations,
	})
	if err != nil {
		return refused(err)
	}
	if issuer.profile.detached && signed.Content != nil {
		return nil, nil, nil, malformed("what is signed is not detached")
	}
	c, err := issuer.profile.read(signed, der)
	if err != nil {
		return nil, nil, nil, err
	}
	if err := errors.Join(v.judge(c, kind, issuer, signed.Signer, at)...); err != nil {
		return nil, nil, nil, err
	}
	c.Issuer = issuer.Name
	return c, issuer, signed.Signer, nil
}

// judge judges what a genuine certificate says.
func (v *Verifier) judge(c *content, kind Kind, issuer *Issuer, signer *x509.Certificate, at time.Time) (failures []error) {
	fail := func(check Check, detail string) { failures = append(failures, &Failure{Check: check, Detail: detail}) }
	if c.kind != kind {
		fail(ErrKind, "certificate is of another kind")
	}
	if len(issuer.Policies) > 0 && !slices.Contains(issuer.Policies, c.policy) {
		fail(ErrPolicy, "issued under another policy")
	}
	latest := at.Add(v.opts.Skew)
	if !issuer.profile.full {
		// The time of registration is that of the signature.
		if latest.Before(c.RegisteredAt) || c.RegisteredAt.Before(signer.NotBefore) || c.RegisteredAt.After(signer.NotAfter) {
			fail(ErrExpired, "time of registration is in the future, or outside the signer's validity")
		}
		return failures
	}
	if c.Issuer != issuer.Name {
		fail(ErrForeign, "signer is not the issuer named")
	}
	if latest.Before(c.ValidFrom) || at.After(c.ValidUntil) {
		fail(ErrExpired, "certificate is not valid at that time")
	}
	return failures
}

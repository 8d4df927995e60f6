package tsp

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Trust says whose tokens are believed.
type Trust struct {
	// Roots are the pinned roots of authorities; required.
	Roots *x509.CertPool
	// Policies of which a token must name one, dotted; none accepts any.
	Policies []string
	// Revocations are known beside those that a token carries; nil means none.
	Revocations *cms.Revocations
	// Beside is revocation data that stands beside the token; nil means none.
	Beside *cms.RevocationData
	// Cache of verified signers; may be nil.
	Cache *cms.ChainCache
	// Exact demands the one spelling of a token that nothing else covers; see cms.VerifyOptions.
	Exact bool
}

// Token is what a judged token says.
type Token struct {
	attestation.Attestation
	// Signer is the authority's certificate. It MUST NOT be changed.
	Signer *x509.Certificate
	// Digest is the digest algorithm of its signature.
	Digest crypto.Hash
}

// Judge judges a token over a hash, as seen at a time: that of a later time stamp over it, or the present. The token is
// returned with an error, too, as far as it could be read; it must not be relied on then.
func Judge(der []byte, hash [sha256.Size]byte, trust Trust, at time.Time) (*Token, error) {
	signed, err := cms.Judge(der, nil, cms.VerifyOptions{
		Kind: cms.TimeStampToken, Roots: trust.Roots, At: at, RequireBinding: true, Cache: trust.Cache, Revocations: trust.Revocations, Beside: trust.Beside,
		MaxBytes: maxResponseBytes, Exact: trust.Exact,
	})
	failures := proof.Translate(err, cms.FailedChecks(err), envelope, malformed("not the accepted form of SignedData", nil))
	if signed == nil {
		return nil, errors.Join(failures...)
	}
	a, err := attestation.TimeStamp(signed)
	if err != nil {
		return nil, errors.Join(append(failures, malformed("content of the token", err))...)
	}
	fail := func(check Check, detail string) { failures = append(failures, &Failure{Check: check, Detail: detail}) }
	if a.At.Before(signed.Signer.NotBefore) || a.At.After(signed.Signer.NotAfter) || a.At.After(at.Add(ahead)) {
		fail(ErrValidity, "its time is after the judgement, or outside its signer's life")
	}
	if len(trust.Policies) > 0 && !slices.Contains(trust.Policies, a.Policy) {
		fail(ErrPolicy, "issued under another policy")
	}
	if a.Hash != hex.EncodeToString(hash[:]) {
		fail(ErrImprint, "it is over something else")
	}
	return &Token{Attestation: *a, Signer: signed.Signer, Digest: signed.Digest}, errors.Join(failures...)
}

// ahead is how far an authority's clock may be ahead of the judge's.
const ahead = 5 * time.Minute

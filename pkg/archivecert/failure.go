package archivecert

import (
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Check names what was wrong with a certificate. A Check is itself an error: errors.Is(err, archivecert.ErrExpired).
type Check = proof.Check

// What can be wrong.
var (
	// ErrFormat: not CMS SignedData over the documented JSON, or over a limit.
	ErrFormat = Check{Of: "archive certificate", Name: "format"}
	// ErrKind: a genuine form, but of the other kind.
	ErrKind = Check{Of: "archive certificate", Name: "kind"}
	// ErrSignature: the content or the signature was changed.
	ErrSignature = Check{Of: "archive certificate", Name: "signature"}
	// ErrChain: the signer does not lead to a pinned root, or may not sign documents.
	ErrChain = Check{Of: "archive certificate", Name: "chain"}
	// ErrForeign: signed under a pinned root by somebody who is not an allowed issuer or not the issuer named.
	ErrForeign = Check{Of: "archive certificate", Name: "foreign"}
	// ErrExpired: signer or certificate are not, or not yet, valid at the time asked about.
	ErrExpired = Check{Of: "archive certificate", Name: "expired"}
	// ErrRevoked: the signer's certificate was revoked, or its key distrusted, before.
	ErrRevoked = Check{Of: "archive certificate", Name: "revoked"}
	// ErrPolicy: issued under a policy that is not accepted.
	ErrPolicy = Check{Of: "archive certificate", Name: "policy"}
	// ErrNotCheckable: it does not say what a check needs, and the issuer's policy does not accept that.
	ErrNotCheckable = Check{Of: "archive certificate", Name: "not_checkable"}
	// ErrHash: about another document.
	ErrHash = Check{Of: "archive certificate", Name: "hash"}
)

// Failure is one failed check.
type Failure = proof.Failure

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check {
	return proof.Failed(err, ErrFormat, ErrKind, ErrSignature, ErrChain, ErrForeign, ErrRevoked, ErrExpired, ErrPolicy, ErrHash, ErrNotCheckable)
}

func malformed(detail string) *Failure { return &Failure{Check: ErrFormat, Detail: detail} }

// envelope says the checks of the envelope in this package's terms.
var envelope = map[cms.Check]Failure{
	cms.Digest:    {Check: ErrSignature, Detail: "content or signature was changed"},
	cms.Signature: {Check: ErrSignature, Detail: "content or signature was changed"},
	cms.Chain:     {Check: ErrChain, Detail: "signer is under no pinned root"},
	cms.Usage:     {Check: ErrChain, Detail: "signer may not sign documents"},
	cms.Validity:  {Check: ErrExpired, Detail: "signer is not valid at that time"},

	cms.Revocation: {Check: ErrRevoked, Detail: "signer was revoked before"},
}

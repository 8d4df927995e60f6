package distcert

import (
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Check names one thing that was verified. A Check is itself an error: errors.Is(err, distcert.ErrSignature).
type Check = proof.Check

// The checks.
var (
	// ErrFormat: not the documented PDF form, not wholly under one signature, or over a limit.
	ErrFormat = Check{Of: "distribution certificate", Name: "format"}
	// ErrSignature: content or signature was changed.
	ErrSignature = Check{Of: "distribution certificate", Name: "signature"}
	// ErrChain: the signer leads to no pinned root, may not sign documents, or was revoked or distrusted before.
	ErrChain = Check{Of: "distribution certificate", Name: "chain"}
	// ErrIdentity: the signer is not a pinned one.
	ErrIdentity = Check{Of: "distribution certificate", Name: "identity"}
	// ErrValidity: signer or certificate are not valid at the time asked about.
	ErrValidity = Check{Of: "distribution certificate", Name: "validity"}
	// ErrEdocNum: the certificate is about another document number.
	ErrEdocNum = Check{Of: "distribution certificate", Name: "edoc_num"}
	// ErrHash: the certificate states another hash than the document's.
	ErrHash = Check{Of: "distribution certificate", Name: "hash"}
)

// Failure is one failed check.
type Failure = proof.Failure

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check {
	return proof.Failed(err, ErrFormat, ErrSignature, ErrChain, ErrIdentity, ErrValidity, ErrEdocNum, ErrHash)
}

func malformed(detail string) *Failure { return &Failure{Check: ErrFormat, Detail: detail} }

// envelope says the checks of the signature in this package's terms.
var envelope = map[cms.Check]Failure{
	cms.Digest:    {Check: ErrSignature, Detail: "file was changed after signing"},
	cms.Signature: {Check: ErrSignature, Detail: "signature is not the signer's"},
	cms.Chain:     {Check: ErrChain, Detail: "signer is under no pinned root"},
	cms.Usage:     {Check: ErrChain, Detail: "signer may not sign documents"},
	cms.Validity:  {Check: ErrValidity, Detail: "signer is not valid at that time"},

	cms.Revocation: {Check: ErrChain, Detail: "signer was revoked before"},
}

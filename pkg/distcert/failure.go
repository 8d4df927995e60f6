package distcert

import "github.com/naru-relay/naru/pkg/proof"

// Check names one thing that was verified. A Check is itself an error: errors.Is(err, distcert.ErrSignature).
type Check string

// The checks.
const (
	// ErrFormat: not the documented PDF form, not wholly under one signature, or over a limit.
	ErrFormat Check = "format"
	// ErrSignature: content or signature was changed.
	ErrSignature Check = "signature"
	// ErrChain: the signer leads to no pinned root, or may not sign documents.
	ErrChain Check = "chain"
	// ErrIdentity: the signer is not a pinned one.
	ErrIdentity Check = "identity"
	// ErrValidity: signer or certificate are not valid at the time asked about.
	ErrValidity Check = "validity"
	// ErrEdocNum: the certificate is about another document number.
	ErrEdocNum Check = "edoc_num"
	// ErrHash: the certificate states another hash than the document's.
	ErrHash Check = "hash"
)

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "distribution certificate " + string(c) + " check" }

// Failure is one failed check.
type Failure = proof.Failure[Check]

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check {
	return proof.Failed(err, ErrFormat, ErrSignature, ErrChain, ErrIdentity, ErrValidity, ErrEdocNum, ErrHash)
}

func malformed(detail string) *Failure { return &Failure{Check: ErrFormat, Detail: detail} }

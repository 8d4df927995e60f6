package archivecert

import (
	"errors"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/proof"
)

// Check names what was wrong with a certificate. A Check is itself an error: errors.Is(err, archivecert.ErrExpired).
type Check string

// What can be wrong.
const (
	// ErrFormat: not CMS SignedData over the documented JSON, or over a limit.
	ErrFormat Check = "format"
	// ErrKind: a genuine form, but of the other kind.
	ErrKind Check = "kind"
	// ErrSignature: the content or the signature was changed.
	ErrSignature Check = "signature"
	// ErrChain: the signer does not lead to a pinned root, or may not sign documents.
	ErrChain Check = "chain"
	// ErrForeign: signed under a pinned root by somebody who is not an allowed issuer or not the issuer named.
	ErrForeign Check = "foreign"
	// ErrExpired: signer or certificate are not, or not yet, valid at the time asked about.
	ErrExpired Check = "expired"
	// ErrHash: about another document.
	ErrHash Check = "hash"
)

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "archive certificate " + string(c) + " check" }

// Failure is one failed check.
type Failure = proof.Failure[Check]

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check {
	return proof.Failed(err, ErrFormat, ErrKind, ErrSignature, ErrChain, ErrForeign, ErrExpired, ErrHash)
}

func malformed(detail string) *Failure { return &Failure{Check: ErrFormat, Detail: detail} }

// fromCMS says each failed check of the envelope in this package's terms.
func fromCMS(err error) error {
	var failures []error
	for _, failed := range cms.FailedChecks(err) {
		f := &Failure{Cause: err}
		switch failed {
		case cms.Digest, cms.Signature:
			f.Check, f.Detail = ErrSignature, "content or signature was changed"
		case cms.Chain:
			f.Check, f.Detail = ErrChain, "signer is under no pinned root"
		case cms.Usage:
			f.Check, f.Detail = ErrChain, "signer may not sign documents"
		case cms.Validity:
			f.Check, f.Detail = ErrExpired, "signer is not valid at that time"
		default:
			f.Check, f.Detail = ErrFormat, "not the accepted form of SignedData"
		}
		failures = append(failures, f)
	}
	return errors.Join(failures...)
}

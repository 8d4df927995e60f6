package archivecert

import (
	"errors"

	"github.com/naru-relay/naru/pkg/cms"
)

// Check names what was wrong with a certificate. A Check is itself an error: errors.Is(err, archivecert.ErrExpired).
type Check int

// What can be wrong.
const (
	// ErrFormat: not CMS SignedData over the documented JSON, or over a limit.
	ErrFormat Check = iota + 1
	// ErrKind: a genuine form, but of the other kind.
	ErrKind
	// ErrSignature: the content or the signature was changed.
	ErrSignature
	// ErrChain: the signer does not lead to a pinned root, or may not sign documents.
	ErrChain
	// ErrForeign: signed under a pinned root by somebody who is not an allowed issuer or not the issuer named.
	ErrForeign
	// ErrExpired: signer or certificate are not, or not yet, valid at the time asked about.
	ErrExpired
	// ErrHash: about another document.
	ErrHash
)

// String returns the check's lower-case name.
func (c Check) String() string {
	names := [...]string{ErrFormat: "format", ErrKind: "kind", ErrSignature: "signature", ErrChain: "chain", ErrForeign: "foreign", ErrExpired: "expired", ErrHash: "hash"}
	if c < ErrFormat || int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "archive certificate " + c.String() + " check" }

// Failure is one failed check. Its text never holds what the certificate says.
type Failure struct {
	Check  Check
	Detail string
	Cause  error
}

// Error tells the check and what was wrong.
func (f *Failure) Error() string {
	text := "archive certificate " + f.Check.String() + ": " + f.Detail
	if f.Cause != nil {
		text += ": " + f.Cause.Error()
	}
	return text
}

// Unwrap gives the Check and the cause to errors.Is and errors.As.
func (f *Failure) Unwrap() []error {
	if f.Cause != nil {
		return []error{f.Check, f.Cause}
	}
	return []error{f.Check}
}

// FailedChecks lists which checks err reports as failed.
func FailedChecks(err error) []Check {
	var failed []Check
	for c := ErrFormat; c <= ErrHash; c++ {
		if errors.Is(err, c) {
			failed = append(failed, c)
		}
	}
	return failed
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

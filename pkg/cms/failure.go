package cms

import (
	"errors"
	"fmt"
)

// Check names one thing that was verified. A Check is itself an error, so errors.Is(err, cms.Digest) tells whether that
// check is among the failed ones.
type Check int

// The checks, in the order they are made.
const (
	// Format: not the accepted form of SignedData, or an algorithm that is not accepted.
	Format Check = iota + 1
	// Digest: the content does not have the signed message digest.
	Digest
	// Signature: the signature over the signed attributes is wrong, or the attribute that binds the signing
	// certificate names another certificate.
	Signature
	// Chain: no path from the signer certificate to a pinned root.
	Chain
	// Validity: a certificate of the path is outside its validity at the given time, or the claimed signing time is
	// outside the signer certificate's validity.
	Validity
	// Usage: the signer certificate is not meant for signing documents.
	Usage
)

// String returns the check's lower-case name.
func (c Check) String() string {
	switch c {
	case Format:
		return "format"
	case Digest:
		return "digest"
	case Signature:
		return "signature"
	case Chain:
		return "chain"
	case Validity:
		return "validity"
	case Usage:
		return "usage"
	default:
		return "unknown"
	}
}

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "cms " + c.String() + " check" }

// Failure is one failed check. Detail is fixed text: it never holds content or names from the message.
type Failure struct {
	Check  Check
	Detail string
	Cause  error
}

// Error tells the check and what was wrong.
func (f *Failure) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("cms %s: %s: %v", f.Check, f.Detail, f.Cause)
	}
	return fmt.Sprintf("cms %s: %s", f.Check, f.Detail)
}

// Unwrap gives the Check and the cause to errors.Is and errors.As.
func (f *Failure) Unwrap() []error {
	if f.Cause != nil {
		return []error{f.Check, f.Cause}
	}
	return []error{f.Check}
}

// FailedChecks lists which checks err reports as failed, in check order.
func FailedChecks(err error) []Check {
	var failed []Check
	for c := Format; c <= Usage; c++ {
		if errors.Is(err, c) {
			failed = append(failed, c)
		}
	}
	return failed
}

func malformed(detail string) *Failure { return &Failure{Check: Format, Detail: detail} }

package distcert

import "errors"

// Check names one thing that was verified. A Check is itself an error: errors.Is(err, distcert.ErrSignature).
type Check int

// The checks.
const (
	// ErrFormat: not the documented PDF form, not wholly under one signature, or over a limit.
	ErrFormat Check = iota + 1
	// ErrSignature: content or signature was changed.
	ErrSignature
	// ErrChain: the signer leads to no pinned root, or may not sign documents.
	ErrChain
	// ErrIdentity: the signer is not a pinned one.
	ErrIdentity
	// ErrValidity: signer or certificate are not valid at the time asked about.
	ErrValidity
	// ErrMismatch: the certificate is about another document.
	ErrMismatch
)

// String returns the check's lower-case name.
func (c Check) String() string {
	names := [...]string{ErrFormat: "format", ErrSignature: "signature", ErrChain: "chain", ErrIdentity: "identity", ErrValidity: "validity", ErrMismatch: "mismatch"}
	if c < ErrFormat || int(c) >= len(names) {
		return "unknown"
	}
	return names[c]
}

// Error makes a Check usable with errors.Is.
func (c Check) Error() string { return "distribution certificate " + c.String() + " check" }

// Failure is one failed check. Its text never holds what the certificate says.
type Failure struct {
	Check  Check
	Detail string
	Cause  error
}

// Error tells the check and what was wrong.
func (f *Failure) Error() string {
	text := "distribution certificate " + f.Check.String() + ": " + f.Detail
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
	for c := ErrFormat; c <= ErrMismatch; c++ {
		if errors.Is(err, c) {
			failed = append(failed, c)
		}
	}
	return failed
}

func malformed(detail string) *Failure { return &Failure{Check: ErrFormat, Detail: detail} }

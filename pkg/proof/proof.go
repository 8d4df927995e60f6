// Package proof is what all verifiers of signed things (jws, receipt, viewingtoken, cms, archivecert, distcert) share: how they
// report failed checks, and how the signed content is written.
package proof

import (
	"errors"
	"fmt"
)

// Check names one thing that is verified: the "form" of a "receipt". It is itself an error, so that errors.Is(err, check) reports
// whether it is among the failed ones. Names are stable, because vectors and answers contain them.
type Check struct{ Of, Name string }

// Error is fixed text.
func (c Check) Error() string { return c.Of + " " + c.Name + " check" }

// Failure is one failed check. Detail is fixed text: it never holds content or names from what was verified.
type Failure struct {
	Check  Check
	Detail string
	Cause  error
}

// Error says which check failed and what was wrong.
func (f *Failure) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("%v: %s: %v", f.Check, f.Detail, f.Cause)
	}
	return fmt.Sprintf("%v: %s", f.Check, f.Detail)
}

// Unwrap gives the check and the cause to errors.Is and errors.As.
func (f *Failure) Unwrap() []error {
	if f.Cause != nil {
		return []error{f.Check, f.Cause}
	}
	return []error{f.Check}
}

// Translate turns the failed checks of another package, as reported by err, into a package's own failures, with err as their
// cause. A check without a term, and an error without a failed check, become otherwise: no error is lost. It returns nothing for
// a nil err.
func Translate(err error, failed []Check, terms map[Check]Failure, otherwise *Failure) []error {
	if err == nil {
		return nil
	}
	var failures []error
	for _, check := range failed {
		f, known := terms[check]
		if !known {
			f = *otherwise
		}
		f.Cause = err
		failures = append(failures, &f)
	}
	if len(failures) == 0 {
		failures = append(failures, &Failure{Check: otherwise.Check, Detail: otherwise.Detail, Cause: err})
	}
	return failures
}

// Failed lists which of the checks err reports as failed, in their order.
func Failed(err error, checks ...Check) []Check {
	var failed []Check
	for _, c := range checks {
		if errors.Is(err, c) {
			failed = append(failed, c)
		}
	}
	return failed
}

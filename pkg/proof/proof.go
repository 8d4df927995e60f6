// Package proof is what the verifiers of signed files (cms, archivecert, distcert) have in common: how they tell which checks failed, and how
// the content they sign is written.
package proof

import (
	"errors"
	"fmt"
)

// Check names one thing that is verified. It is itself an error, so that errors.Is(err, check) tells whether it is among the failed ones.
type Check interface {
	comparable
	error
}

// Failure is one failed check. Detail is fixed text: nothing here holds content or names of what was verified.
type Failure[C Check] struct {
	Check  C
	Detail string
	Cause  error
}

// Error tells the check and what was wrong.
func (f *Failure[C]) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("%v: %s: %v", error(f.Check), f.Detail, f.Cause)
	}
	return fmt.Sprintf("%v: %s", error(f.Check), f.Detail)
}

// Unwrap gives the check and the cause to errors.Is and errors.As.
func (f *Failure[C]) Unwrap() []error {
	if f.Cause != nil {
		return []error{f.Check, f.Cause}
	}
	return []error{f.Check}
}

// Failed lists which of the checks err reports as failed, in their order.
func Failed[C Check](err error, checks ...C) []C {
	var failed []C
	for _, c := range checks {
		if errors.Is(err, c) {
			failed = append(failed, c)
		}
	}
	return failed
}

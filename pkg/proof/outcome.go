package proof

import (
	"errors"
	"slices"
)

// Outcome is what came of a check.
type Outcome uint8

// The outcomes.
const (
	// NotPassed: it failed, or was not made, because an earlier one failed.
	NotPassed Outcome = iota
	Passed
	// NotCheckable: what was verified does not say, in a form that can be read, what the check needs.
	NotCheckable
)

// String is how an outcome is shown.
func (o Outcome) String() string {
	switch o {
	case Passed:
		return "passed"
	case NotCheckable:
		return "not checkable"
	default:
		return "failed"
	}
}

// MarshalText is String, so that JSON shows the word.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(word []byte) error {
	for _, known := range []Outcome{NotPassed, Passed, NotCheckable} {
		if known.String() == string(word) {
			*o = known
			return nil
		}
	}
	return errors.New("unknown outcome of a check")
}

// Policy names the checks that may be not checkable. Every other has to pass, so the empty policy wants all of them to.
type Policy []string

// Accepts reports whether the outcome of a check is good enough.
func (p Policy) Accepts(check string, o Outcome) bool {
	return o == Passed || o == NotCheckable && slices.Contains(p, check)
}

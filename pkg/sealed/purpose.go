package sealed

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Purpose says what a sealed value or a blind index is, in the form "maker.what", e.g. "intake.title". The maker is the unit that
// makes and keeps the keys; only it seals. Both parts are a-z, 0-9 and _, at most 63 characters with the dot.
type Purpose string

var purposeForm = regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)

// Maker is the unit that makes p's keys and seals with them.
func (p Purpose) Maker() string {
	maker, _, _ := strings.Cut(string(p), ".")
	return maker
}

func (p Purpose) valid() bool { return len(p) <= 63 && purposeForm.MatchString(string(p)) }

// Rule is what a unit says of a purpose of its own. No other unit needs to know it: the maker gives keys by it, and tells with
// each key when that ends.
type Rule struct {
	Purpose Purpose
	// Readers are the units that may open values, the maker included if it does; none for a blind index, which nobody opens.
	Readers []string
	// Index is true for a blind index, whose one key has no month; false for a sealed value.
	Index bool
	// Life is how long after its month a key is kept; 0 means as long as what it protects. Keys that are needed only while a
	// document is under way are destroyed when no document of their month can be: the journal keeps what they sealed for ten
	// years, but then nobody can open it.
	Life time.Duration
}

func (r Rule) readBy(unit string) bool { return slices.Contains(r.Readers, unit) }

// endOf is when a key made for a month is destroyed; zero for one that is kept.
func (r Rule) endOf(month time.Time) time.Time {
	if r.Life == 0 {
		return time.Time{}
	}
	return month.AddDate(0, 1, 0).Add(r.Life)
}

// Check reports everything that is wrong with what a unit says of sealing: the purposes it makes, and those of other units that
// it opens.
func Check(unit string, makes []Rule, opens []Purpose) error {
	var problems []error
	var seen []Purpose
	named := func(p Purpose, own bool) {
		if !p.valid() || (p.Maker() == unit) != own {
			problems = append(problems, fmt.Errorf("purpose %q is not of the form maker.what, or its maker is not the one it should be", p))
		}
		if slices.Contains(seen, p) {
			problems = append(problems, fmt.Errorf("purpose %q is there twice", p))
		}
		seen = append(seen, p)
	}
	for _, r := range makes {
		named(r.Purpose, true)
		if r.Index && (len(r.Readers) > 0 || r.Life != 0) {
			problems = append(problems, fmt.Errorf("purpose %q is a blind index, which nobody opens and whose key has no end", r.Purpose))
		}
		if !r.Index && len(r.Readers) == 0 {
			problems = append(problems, fmt.Errorf("purpose %q is opened by nobody", r.Purpose))
		}
	}
	for _, p := range opens {
		named(p, false)
	}
	return errors.Join(problems...)
}

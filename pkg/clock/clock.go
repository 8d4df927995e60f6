// Package clock is the only place where Naru reads the time.
//
// Every instant inside Naru is UTC and truncated (never rounded) to microseconds, the precision PostgreSQL keeps, so that a value
// survives storage unchanged and comparisons between what was computed and what was stored hold. Product code receives a Clock
// and MUST NOT call time.Now; tests receive a Fake.
//
// Watch measures whether the machine's clock is good enough for evidence.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time. Implementations MUST be safe for concurrent use and MUST return UTC truncated to microseconds.
type Clock interface {
	Now() time.Time
}

// System is the machine's clock.
func System() Clock { return system{} }

type system struct{}

// Now reads the machine's clock: the one reading everything else goes through.
func (system) Now() time.Time {
	return Canonical(time.Now())
}

// Canonical brings any instant into the form Naru keeps: UTC, truncated to microseconds, without a monotonic reading.
func Canonical(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// Fake is a Clock that stands still until it is moved. It is safe for concurrent use.
type Fake struct {
	mu  sync.Mutex
	now time.Time
}

// NewFake makes a Fake that shows t.
func NewFake(t time.Time) *Fake { return &Fake{now: Canonical(t)} }

// Now returns the time last set.
func (f *Fake) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// Advance moves the clock by d, backwards when d is negative.
func (f *Fake) Advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = Canonical(f.now.Add(d))
}

// Set moves the clock to t, forwards or backwards.
func (f *Fake) Set(t time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = Canonical(t)
}

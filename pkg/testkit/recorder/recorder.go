// Package recorder is for tests of test helpers: it tells how a helper would have failed its test.
package recorder

import (
	"fmt"
	"runtime"
	"testing"
)

// recorder is a testing.TB whose Fatalf ends only the function under test.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// Failure is what the helper that f calls would have failed with; empty when it did not.
func Failure(t testing.TB, f func(t testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() { defer close(done); f(r) }()
	<-done
	return r.failure
}

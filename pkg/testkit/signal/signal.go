// Package signal lets a test wait for something a goroutine of the product reports through a function value.
package signal

import (
	"testing"
	"time"
)

// patience is how long WaitOrTimeout waits: far above what a loaded machine needs, so reaching it means the event never came.
const patience = 15 * time.Second

// Signal queues the values sent to it. Give its Send method to the code under test as a callback.
type Signal[T any] struct {
	values chan T
}

// New makes a signal that holds up to size values nobody waited for yet.
func New[T any](size int) *Signal[T] { return &Signal[T]{values: make(chan T, size)} }

// Send reports a value. It never blocks the code under test: when the queue is full the value is dropped.
func (s *Signal[T]) Send(value T) {
	select {
	case s.values <- value:
	default:
	}
}

// WaitOrTimeout gives the next value, and fails the test at once when none comes within 15 seconds.
func (s *Signal[T]) WaitOrTimeout(t testing.TB) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var value T
	select {
	case value = <-s.values:
	case <-timer.C:
		t.Fatalf("no signal within %s", patience)
	}
	return value
}

// WaitN gives the next n values in the order they came.
func (s *Signal[T]) WaitN(t testing.TB, n int) []T {
	t.Helper()
	values := make([]T, n)
	for i := range values {
		values[i] = s.WaitOrTimeout(t)
	}
	return values
}

// RequireEmpty fails the test at once when a value is waiting.
func (s *Signal[T]) RequireEmpty(t testing.TB) {
	t.Helper()
	select {
	case value := <-s.values:
		t.Fatalf("unexpected signal: %v", value)
	default:
	}
}

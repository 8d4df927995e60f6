package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	// again is the pause before something is tried again, and callTime how long one try may take.
	again    = 200 * time.Millisecond
	callTime = 15 * time.Second
)

// steps stands in for a test, for what the harness does in journeys: a failure ends one try.
type steps struct {
	testing.TB

	ctx      context.Context //nolint:containedctx // a test has its own
	mu       sync.Mutex
	problems []string
	after    []func()
}

// Helper does nothing.
func (s *steps) Helper() {}

// Name stands in failures.
func (s *steps) Name() string { return "crash" }

// Context is the try's.
func (s *steps) Context() context.Context { return s.ctx }

// Cleanup is called when the try is over.
func (s *steps) Cleanup(f func()) { s.after = append(s.after, f) }

// Errorf notes a problem.
func (s *steps) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// Fatalf notes a problem and ends the try.
func (s *steps) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	s.FailNow()
}

// FailNow ends the try.
func (s *steps) FailNow() { runtime.Goexit() }

// try does a step of a journey once.
func try(ctx context.Context, step func(t testing.TB)) error {
	s := &steps{ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range s.after {
				f()
			}
		}()
		step(s)
	}()
	<-done
	if len(s.problems) > 0 {
		return errors.New(strings.Join(s.problems, "\n"))
	}
	return nil
}

// persist does a step until it succeeds or ctx ends, as somebody patient would.
func persist(ctx context.Context, step func(ctx context.Context) error) error {
	for {
		call, cancel := context.WithTimeout(ctx, callTime)
		err := step(call)
		cancel()
		if err == nil {
			return nil
		}
		var final finalError
		if errors.As(err, &final) {
			return err
		}
		if lifecycle.Wait(ctx, again) != nil {
			return fmt.Errorf("not done in time: %w", err)
		}
	}
}

// finalError is an answer that no repetition changes.
type finalError struct{ error }

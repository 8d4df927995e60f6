// Package await waits in tests for a condition instead of sleeping and hoping.
package await

import (
	"context"
	"errors"
	"testing"
	"time"
)

// First and longest pause between two looks at a condition. Short at first because most conditions hold within milliseconds,
// longer later so that a waiting test does not take the processor from what it waits for.
const (
	firstPause   = time.Millisecond
	longestPause = 50 * time.Millisecond
)

// Condition is what can be waited for: a predicate, or a function whose error tells why the condition does not hold yet. The
// context given to the latter ends with the timeout.
type Condition interface {
	func() bool | func(ctx context.Context) error
}

// Require fails the test at once when the condition does not hold within the timeout; the last error is part of the message. The
// condition is looked at on the calling goroutine, one look at a time, so it may use require on the same test.
func Require[C Condition](t testing.TB, timeout time.Duration, condition C) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	if err := poll(ctx, look(condition)); err != nil {
		t.Fatalf("condition did not hold within %s: %v", timeout, err)
	}
}

func look[C Condition](condition C) func(context.Context) error {
	if check, ok := any(condition).(func(context.Context) error); ok {
		return check
	}
	predicate, _ := any(condition).(func() bool)
	return func(context.Context) error {
		if predicate() {
			return nil
		}
		return errors.New("the predicate is still false")
	}
}

// poll returns nil as soon as check does, else the last error of check once ctx has ended.
func poll(ctx context.Context, check func(context.Context) error) error {
	pause := firstPause
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		timer.Reset(pause)
		select {
		case <-ctx.Done():
			return err
		case <-timer.C:
		}
		pause = min(2*pause, longestPause)
	}
}

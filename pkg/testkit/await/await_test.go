package await_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
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

func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	<-done
}

// Require returns as soon as the predicate holds.
func TestRequirePredicate(t *testing.T) {
	t.Parallel()
	looks := 0
	await.Require(t, time.Minute, func() bool { looks++; return looks == 4 })
	require.Equal(t, 4, looks)
}

// Require returns as soon as the function has no error, and gives it a context with the deadline.
func TestRequireFunction(t *testing.T) {
	t.Parallel()
	looks := 0
	await.Require(t, time.Minute, func(ctx context.Context) error {
		_, limited := ctx.Deadline()
		require.True(t, limited)
		if looks++; looks < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	require.Equal(t, 3, looks)
}

// Require fails the test with the last reason when the time is over.
func TestRequireFails(t *testing.T) {
	t.Parallel()
	r := &recorder{TB: t}
	r.run(func() {
		await.Require(r, 20*time.Millisecond, func(context.Context) error { return errors.New("stream is empty") })
	})
	require.Contains(t, r.failure, "stream is empty")
	require.Contains(t, r.failure, "20ms")

	r = &recorder{TB: t}
	r.run(func() { await.Require(r, 20*time.Millisecond, func() bool { return false }) })
	require.Contains(t, r.failure, "still false")
}

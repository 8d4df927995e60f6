package await_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/recorder"
)

// Require returns as soon as the predicate holds.
func TestRequirePredicate(t *testing.T) {
	t.Parallel()
	looks := 0
	await.Require(t, time.Minute, func() bool { looks++; return looks == 4 })
	require.Equal(t, 4, looks)
}

// Require returns as soon as the function returns no error, and gives it a context with the deadline.
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

// After the deadline Require fails the test with the last reason.
func TestRequireFails(t *testing.T) {
	t.Parallel()
	failure := recorder.Failure(t, func(r testing.TB) {
		await.Require(r, 20*time.Millisecond, func(context.Context) error { return errors.New("stream is empty") })
	})
	require.Contains(t, failure, "stream is empty")
	require.Contains(t, failure, "20ms")

	failure = recorder.Failure(t, func(r testing.TB) { await.Require(r, 20*time.Millisecond, func() bool { return false }) })
	require.Contains(t, failure, "still false")
}

package work_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/work"
)

// A claim is renewed again and again, also after a failure, until it is lost; then what is done under it ends.
func TestKeep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		errAway := errors.New("away")
		answers := []error{nil, errAway, nil, work.ErrLost}
		var failures []error
		began := time.Now() //nolint:forbidigo // the time of the bubble
		kept, stop := work.Keep(t.Context(), time.Second, func(context.Context) error {
			next := answers[0]
			answers = answers[1:]
			return next
		}, func(_ context.Context, err error) { failures = append(failures, err) })
		<-kept.Done()
		require.ErrorIs(t, context.Cause(kept), work.ErrLost)
		require.Equal(t, 4*time.Second, time.Since(began))
		stop()
		require.Empty(t, answers, "it is not renewed after it was lost")
		require.Equal(t, []error{errAway}, failures)
	})
}

// What stop interrupts is no failure, and nothing runs after it.
func TestKeepStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		renewing, ended := make(chan struct{}), false
		kept, stop := work.Keep(t.Context(), time.Second, func(ctx context.Context) error {
			close(renewing)
			<-ctx.Done()
			ended = true
			return ctx.Err()
		}, func(context.Context, error) { t.Error("told of a renewal that was stopped") })
		<-renewing
		stop()
		require.True(t, ended)
		require.ErrorIs(t, context.Cause(kept), context.Canceled)
	})
}

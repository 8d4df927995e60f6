package poll_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/client/poll"
)

// Until continues after transient errors, and ends with permanent ones.
func TestUntil(t *testing.T) {
	t.Parallel()
	busy := &rest.Problem{Problem: fault.Problem{Status: 503}, Method: "GET", Path: "/x"}
	asked := 0
	require.NoError(t, poll.Until(t.Context(), "it", func(context.Context) (bool, error) {
		asked++
		if asked == 2 {
			return false, busy
		}
		return asked == 4, nil
	}))
	require.Equal(t, 4, asked)

	wrong := errors.New("wrong")
	err := poll.Until(t.Context(), "it", func(context.Context) (bool, error) { return false, wrong })
	require.ErrorIs(t, err, wrong)
	require.EqualError(t, err, "waiting for it: wrong")
}

// When the time is over, the error names what was waited for and the last transient error.
func TestUntilTheTimeIsOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	busy := &rest.Problem{Problem: fault.Problem{Status: 429, Reason: "RATE_LIMITED", RetryAfter: time.Hour}, Method: "GET", Path: "/x"}
	err := poll.Until(ctx, "the receipt", func(context.Context) (bool, error) { return false, busy })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, error(busy))
	require.ErrorContains(t, err, "waiting for the receipt")

	err = poll.Until(ctx, "the receipt", func(context.Context) (bool, error) { return false, nil })
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

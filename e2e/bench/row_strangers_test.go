package main

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A flood stands before anything is measured beside it, goes on when one of it is refused, and leaves nothing behind.
func TestFlood(t *testing.T) {
	t.Parallel()
	var open, refused atomic.Int64
	again := make(chan struct{})
	end, err := flood(t.Context(), 7, func(ctx context.Context) error {
		if refused.Add(1) == 1 {
			return context.Canceled
		}
		if open.Add(1) == 7 {
			close(again)
		}
		<-ctx.Done()
		open.Add(-1)
		return ctx.Err()
	})
	require.NoError(t, err)
	<-again
	require.EqualValues(t, 8, end(), "the refused one came again")
	require.Zero(t, open.Load())
}

// A flood that is given up before it stands is an error.
func TestFloodGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := flood(ctx, 3, func(context.Context) error { return nil })
	require.ErrorIs(t, err, context.Canceled)
}

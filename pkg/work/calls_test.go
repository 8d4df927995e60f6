package work_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/work"
)

func calls() work.Calls {
	return work.Calls{Workers: 4, Interval: config.Duration(time.Second), Timeout: config.Duration(20 * time.Second), Lease: config.Duration(time.Minute),
		FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(4 * time.Second)}
}

// A workable configuration is accepted; every problem of another is reported with its path.
func TestCalls(t *testing.T) {
	t.Parallel()
	require.NoError(t, calls().Validate())
	for path, spoil := range map[string]func(c *work.Calls){
		"workers":       func(c *work.Calls) { c.Workers = 65 },
		"interval":      func(c *work.Calls) { c.Interval = 0 },
		"timeout":       func(c *work.Calls) { c.Timeout = 0 },
		"lease":         func(c *work.Calls) { c.Lease = c.Timeout + config.Duration(work.SettleTimeout) - 1 },
		"first_backoff": func(c *work.Calls) { c.FirstBackoff = 0 },
		"max_backoff":   func(c *work.Calls) { c.MaxBackoff = c.FirstBackoff - 1 },
	} {
		c := calls()
		spoil(&c)
		require.ErrorContains(t, c.Validate(), path+": ")
	}
	require.ErrorContains(t, work.Calls{}.Validate(), "workers: ")

	require.Equal(t, work.Lease{Owner: "me", For: time.Minute, Limit: 3}, calls().Claimed("me", 3))
	for attempts, most := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 9: 4 * time.Second} {
		wait := calls().Delay(attempts)
		require.LessOrEqual(t, wait, most)
		require.Greater(t, wait, most/2)
	}
}

// A result is written even if the caller has gone, but within a time limit.
func TestSettling(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	ctx, cancel := work.Settling(gone)
	defer cancel()
	require.NoError(t, ctx.Err())
	_, bounded := ctx.Deadline()
	require.True(t, bounded)
}

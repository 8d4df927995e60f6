package clock_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
)

// System returns the machine's time in the canonical form.
func TestSystem(t *testing.T) {
	t.Parallel()
	before := time.Now() //nolint:forbidigo // what System is compared with
	now := clock.System().Now()
	after := time.Now() //nolint:forbidigo // what System is compared with

	require.Equal(t, time.UTC, now.Location())
	require.Zero(t, now.Nanosecond()%1000)
	require.False(t, now.After(after))
	require.False(t, now.Before(before.Add(-time.Microsecond)))
}

// Canonical truncates and never rounds, so that no time moves into the future.
func TestCanonical(t *testing.T) {
	t.Parallel()
	seoul := time.FixedZone("KST", 9*60*60)
	got := clock.Canonical(time.Date(2026, 1, 2, 8, 59, 59, 999_999_999, seoul))
	require.Equal(t, time.Date(2026, 1, 1, 23, 59, 59, 999_999_000, time.UTC), got)
}

// A Fake moves only when told to, even with many goroutines.
func TestFake(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 0, 0, 0, 1_999, time.UTC)
	f := clock.NewFake(start)
	require.Equal(t, start.Truncate(time.Microsecond), f.Now())

	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { f.Advance(time.Second); _ = f.Now() })
	}
	wg.Wait()
	require.Equal(t, start.Truncate(time.Microsecond).Add(50*time.Second), f.Now())

	f.Set(start.Add(-time.Hour))
	require.Equal(t, start.Add(-time.Hour).Truncate(time.Microsecond), f.Now())
}

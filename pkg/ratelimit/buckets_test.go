package ratelimit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/ratelimit"
)

var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// A bucket gives what it holds, tells when there is more, and is nobody else's.
func TestTake(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(began)
	b := ratelimit.New(2, 3, now)
	left, wait := b.Take("a", 2)
	require.Zero(t, wait)
	require.Equal(t, ratelimit.Allowance{Limit: 3, Remaining: 1, Reset: time.Second}, left)
	left, wait = b.Take("a", 2)
	require.Equal(t, 500*time.Millisecond, wait)
	require.Equal(t, 1, left.Remaining, "what is refused takes nothing")
	_, wait = b.Take("b", 3)
	require.Zero(t, wait)
	now.Advance(500 * time.Millisecond)
	_, wait = b.Take("a", 2)
	require.Zero(t, wait)
	now.Advance(time.Hour)
	left, wait = b.Take("a", 100)
	require.Zero(t, wait, "more than a bucket holds is all of it")
	require.Zero(t, left.Remaining)
}

// Whoever has used its bucket up stays so, however many others come with one call each.
func TestManyKeysForgetNobody(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(began)
	b := ratelimit.New(1, 5, now)
	_, wait := b.Take("guesser", 5)
	require.Zero(t, wait)
	for i := range 30_000 {
		if i%5000 == 0 { // those of before are full again, the guesser is not
			now.Advance(time.Second)
			_, wait = b.Take("guesser", 1)
			require.Zero(t, wait)
		}
		b.Take(strconv.Itoa(i), 1)
	}
	_, wait = b.Take("guesser", 1)
	require.NotZero(t, wait)
}

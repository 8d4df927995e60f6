package work_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/work"
)

func TestDelayGrowsToItsBoundAndKeepsItsJitter(t *testing.T) {
	t.Parallel()
	custom := work.Backoff{First: 100 * time.Millisecond, Max: 10 * time.Second, Factor: 3, Jitter: 1}
	for _, tc := range []struct {
		name    string
		backoff work.Backoff
		attempt int
		random  float64
		want    time.Duration
	}{
		{"first", work.Backoff{}, 1, 0, time.Second},
		{"doubles", work.Backoff{}, 4, 0, 8 * time.Second},
		{"bound", work.Backoff{}, 10, 0, 5 * time.Minute},
		{"far beyond the bound", work.Backoff{}, math.MaxInt, 0, 5 * time.Minute},
		{"half left to chance", work.Backoff{}, 1, 0.5, 750 * time.Millisecond},
		{"attempt 0 counts as the first", work.Backoff{}, 0, 0, time.Second},
		{"custom", custom, 3, 0, 900 * time.Millisecond},
		{"all left to chance", custom, 3, 0.5, 450 * time.Millisecond},
		{"custom bound", custom, 6, 0, 10 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, tc.backoff.Delay(tc.attempt, tc.random))
		})
	}
}

package main

import (
	"bytes"
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{"odd", []float64{30, 10, 20}, spread{Min: 10, Median: 20, Max: 30}},
		{"even", []float64{40, 10, 20, 30}, spread{Min: 10, Median: 25, Max: 40}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := append([]float64(nil), tt.values...)
			require.Equal(t, tt.want, spreadOf(tt.values))
			require.Equal(t, before, tt.values, "rounds keep their order")
		})
	}
}

// A line is met by a figure equal to its bar or better.
func TestLineIsMet(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		line   line
		figure float64
		met    bool
	}{
		{"at a ratio's bar", least("r", 0.45, ofFloor), 0.45, true},
		{"above a ratio's bar", least("r", 0.45, ofFloor), 0.7, true},
		{"below a ratio's bar", least("r", 0.45, ofFloor), 0.449, false},
		{"at a cost's bar", most("c", 16, "rows"), 16, true},
		{"below a cost's bar", most("c", 16, "rows"), 10, true},
		{"above a cost's bar", most("c", 16, "rows"), 16.1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.line.is(tt.figure)
			require.InDelta(t, tt.figure, *got.Ratio, 0)
			require.Equal(t, tt.met, *got.Met)
			require.Nil(t, tt.line.Ratio, "the line without figure stays")
		})
	}
	require.Nil(t, reported("r", "s").is(3).Met)
}

// The ratio is the ratio of the medians. PairRatio compares each round with the floor round right before it.
func TestRatioOfTurns(t *testing.T) {
	t.Parallel()
	var r turns
	for _, n := range []struct{ floor, measure float64 }{{1000, 100}, {2000, 600}, {4000, 400}} {
		r.Floor.Rounds = append(r.Floor.Rounds, round{PerSecond: n.floor})
		r.Measure.Rounds = append(r.Measure.Rounds, round{PerSecond: n.measure})
	}
	r.finish()
	require.InDelta(t, 0.2, r.Ratio, 1e-9)
	require.Equal(t, spread{Min: 0.1, Median: 0.1, Max: 0.3}, r.PairRatio)
}

func TestLatency(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for i := range 200 {
		took = append(took, time.Duration(200-i)*time.Millisecond)
	}
	require.Equal(t, latency{Calls: 200, P50: 100, P99: 198, Max: 200}, latencyOf(took))
	require.Equal(t, latency{Calls: 1, P50: 1.5, P99: 1.5, Max: 1.5}, latencyOf([]time.Duration{1500 * time.Microsecond}))
}

// In an open loop the time of a call runs from when it was due, so waiting behind a slow call counts.
func TestArrivals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now() //nolint:forbidigo // the bubble's clock
		now := func() time.Time { return begin.Add(time.Since(begin)) }
		took, err := arrivals(t.Context(), now, 10*time.Millisecond, 3, func(ctx context.Context, i int) error {
			return wait(ctx, time.Duration(3-i)*100*time.Millisecond)
		})
		require.NoError(t, err)
		require.Equal(t, []time.Duration{300 * time.Millisecond, 200 * time.Millisecond, 100 * time.Millisecond}, took)
	})
}

// The growth of the heap is the slope of a line through the last half of the samples, so neither warming up nor one high sample
// looks like growth.
func TestGrowthOfLastHalf(t *testing.T) {
	t.Parallel()
	var flat, rising []heapAt
	for i := range 40 {
		warming := 0.0
		if i < 20 {
			warming = 50
		}
		flat = append(flat, heapAt{float64(i * 15), 200 - warming})
		rising = append(rising, heapAt{float64(i * 15), 100 + float64(i)})
	}
	require.InDelta(t, 0, growthOfLastHalf(flat), 1e-9)
	require.InDelta(t, 100*19.0/120, growthOfLastHalf(rising), 0.01)
}

// Work does not grow if there is as much at the end as in between; work that piles up does.
func TestGrowingWork(t *testing.T) {
	t.Parallel()
	at := func(frames float64) backlogAt {
		return backlogAt{Pending: map[string]float64{"naru_inbox_lag_frames": frames}}
	}
	require.False(t, growing([]backlogAt{at(5000), at(9000), at(5200)}))
	require.False(t, growing([]backlogAt{at(0), at(0), at(900)}))
	require.True(t, growing([]backlogAt{at(5000), at(10000), at(15000)}))
}

func TestUsageOfRound(t *testing.T) {
	t.Parallel()
	before := usage{relay: 1e9, sandbox: 1e9, units: 2e9, machine: 10e9}
	after := usage{relay: 2e9, sandbox: 1.25e9, units: 2.5e9, shared: 0.25e9, machine: 14e9}
	require.Equal(t, cpu{Relay: 1000, Sandbox: 250, Units: 500, Shared: 250, Others: 1}, after.since(before, 1000, 2e9))
	require.Equal(t, int64(120_000_000), ticks(bytes.Fields([]byte("5 7"))).Nanoseconds())
	var u usage
	u.read(nil, -1, -1, -1)
	require.Positive(t, u.machine)
	u.read(nil, -1, os.Getpid(), -1)
	require.Positive(t, u.relay+1)
}

// Row writes are counted by table, most writes first. Tables with hardly any writes are not listed, but are part of the sum.
func TestWritesPerDocument(t *testing.T) {
	t.Parallel()
	before := map[string]tableWrites{"a.x": {Inserts: 100, Updates: 10}, "a.lease": {Updates: 5}}
	after := map[string]tableWrites{"a.x": {Inserts: 1100, Updates: 10}, "b.y": {Inserts: 1000, Updates: 500, Deletes: 1000}, "a.lease": {Updates: 10}}
	sum, list := writesPerDocument(before, after, 1000)
	require.InDelta(t, 3.51, sum, 1e-9)
	require.Equal(t, []tableWrites{{"b.y", 1, 0.5, 1}, {"a.x", 1, 0, 0}}, list)
}

// Pending work is read from the units' gauges; other metrics with similar names are not counted.
func TestPendingGauges(t *testing.T) {
	t.Parallel()
	left, err := pendingOf(bytes.NewBufferString(`# HELP naru_inbox_lag_frames Frames.
# TYPE naru_inbox_lag_frames gauge
naru_inbox_lag_frames{consumer="a"} 2
naru_inbox_lag_frames{consumer="b"} 3
# TYPE naru_outbox_pending_frames gauge
naru_outbox_pending_frames{unit="a"} 0
# TYPE naru_circulation_lag_seconds histogram
naru_circulation_lag_seconds_count{unit="a"} 7
# TYPE naru_inbox_deferred_age_seconds gauge
naru_inbox_deferred_age_seconds 9
# TYPE naru_inbox_parked_events gauge
naru_inbox_parked_events 0
`))
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"naru_inbox_lag_frames": 5}, left)
	_, err = pendingOf(bytes.NewBufferString("# TYPE naru_inbox_parked_events gauge\nnaru_inbox_parked_events 1\n"))
	require.ErrorContains(t, err, "parked")
	_, err = pendingOf(bytes.NewBufferString("nothing here\n"))
	require.Error(t, err, "a relay that tells nothing is not at rest")
}

package clock_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// scripted is a kernel whose clock the test sets.
type scripted struct {
	mu      sync.Mutex
	reading clock.Reading
	err     error
}

func (s *scripted) Read() (clock.Reading, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading, s.err
}

func (s *scripted) set(r clock.Reading, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.err = r, err
}

type bundle struct {
	watch    *clock.Watch
	kernel   *scripted
	clock    *clock.Fake
	log      *bytes.Buffer
	reader   *sdkmetric.ManualReader
	mu       sync.Mutex
	evidence []clock.Sample
	refuse   error
}

func (b *bundle) keep(_ context.Context, s clock.Sample) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.evidence = append(b.evidence, s)
	return b.refuse
}

func (b *bundle) kept() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.evidence)
}

func setup(t *testing.T, tolerant bool) *bundle {
	t.Helper()
	b := &bundle{
		kernel: &scripted{reading: clock.Reading{Synchronised: true}}, log: &bytes.Buffer{}, reader: sdkmetric.NewManualReader(),
		clock: clock.NewFake(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader)).Meter("test")
	var err error
	b.watch, err = clock.NewWatch(clock.Deps{
		Clock: b.clock, Reader: b.kernel, Log: slog.New(slog.NewTextHandler(b.log, nil)), Meter: meter,
		Evidence: b.keep,
	}, clock.Tolerance{MaxOffset: 100 * time.Millisecond, MaxError: 200 * time.Millisecond, Tolerant: tolerant}, time.Minute)
	require.NoError(t, err)
	return b
}

// The watch is ready exactly while the kernel's clock is synchronised and within both tolerances.
func TestWatchReady(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		reading clock.Reading
		err     error
		problem string
	}{
		{name: "at both tolerances", reading: clock.Reading{Synchronised: true, Offset: -100 * time.Millisecond, MaxError: 200 * time.Millisecond}},
		{name: "offset too great", reading: clock.Reading{Synchronised: true, Offset: 100*time.Millisecond + 1}, problem: "offset"},
		{name: "offset too great backwards", reading: clock.Reading{Synchronised: true, Offset: -101 * time.Millisecond}, problem: "offset"},
		{name: "error too great", reading: clock.Reading{Synchronised: true, MaxError: 200*time.Millisecond + 1}, problem: "maximum error"},
		{name: "not synchronised", reading: clock.Reading{}, problem: "not synchronised"},
		{name: "not measurable", reading: clock.Reading{Synchronised: true}, err: errors.New("no such call"), problem: "no such call"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			strict, tolerant := setup(t, false), setup(t, true)
			require.ErrorContains(t, strict.watch.Ready(), "not measured yet")
			strict.kernel.set(tt.reading, tt.err)
			tolerant.kernel.set(tt.reading, tt.err)
			s := strict.watch.Measure(t.Context())
			tolerant.watch.Measure(t.Context())
			require.NoError(t, tolerant.watch.Ready())
			require.Equal(t, []clock.Sample{s}, strict.evidence)
			if tt.problem == "" {
				require.NoError(t, strict.watch.Ready())
				require.Empty(t, s.Problem)
				require.NotContains(t, tolerant.log.String(), "level=WARN")
				return
			}
			require.ErrorContains(t, strict.watch.Ready(), tt.problem)
			require.Contains(t, s.Problem, tt.problem)
			require.Contains(t, strict.log.String(), "level=ERROR")
			require.Contains(t, tolerant.log.String(), "level=WARN")
		})
	}
}

// Only changes are logged, but every sample becomes evidence with its time.
func TestWatchChanges(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	good, bad := clock.Reading{Synchronised: true}, clock.Reading{}
	for _, reading := range []clock.Reading{good, good, bad, bad, good} {
		b.kernel.set(reading, nil)
		b.watch.Measure(t.Context())
		b.clock.Advance(time.Minute)
	}
	require.Len(t, b.evidence, 5)
	var changed []bool
	for i, s := range b.evidence {
		changed = append(changed, s.Changed)
		require.Equal(t, time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC), s.At)
	}
	require.Equal(t, []bool{true, false, true, false, true}, changed)
	require.Equal(t, 3, strings.Count(b.log.String(), "\n"))

	b.refuse = errors.New("no database")
	b.watch.Measure(t.Context())
	require.Contains(t, b.log.String(), "no database")
	require.NoError(t, b.watch.Ready(), "evidence has an alarm of its own")
}

// If the measurement has stopped, or the clock has jumped since, the unit becomes not ready.
func TestWatchStale(t *testing.T) {
	t.Parallel()
	b := setup(t, false)
	b.watch.Measure(t.Context())
	b.clock.Advance(4 * time.Minute)
	require.NoError(t, b.watch.Ready())
	b.clock.Advance(time.Microsecond)
	require.ErrorContains(t, b.watch.Ready(), "too old")
	b.clock.Advance(-time.Hour)
	require.ErrorContains(t, b.watch.Ready(), "too old")
}

// The task measures at once and then at the interval.
func TestWatchTask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, false)
		var g lifecycle.Group
		g.Go(t.Context(), b.watch.Task())
		synctest.Wait()
		require.NoError(t, b.watch.Ready())
		require.Equal(t, 1, b.kept())
		<-time.After(2*time.Minute + time.Second)
		synctest.Wait()
		require.Equal(t, 3, b.kept())
		require.NoError(t, g.Stop(t.Context()))
	})
}

// The metrics show the last sample, tolerated or not.
func TestWatchMetrics(t *testing.T) {
	t.Parallel()
	b := setup(t, true)
	require.Empty(t, gauges(t, b.reader))
	b.kernel.set(clock.Reading{Synchronised: true, Offset: -20 * time.Millisecond, MaxError: 30 * time.Millisecond}, nil)
	b.watch.Measure(t.Context())
	require.Equal(t, map[string]float64{"naru.clock.offset": -0.02, "naru.clock.max_error": 0.03, "naru.clock.trusted": 1}, gauges(t, b.reader))
	b.kernel.set(clock.Reading{}, nil)
	b.watch.Measure(t.Context())
	require.Equal(t, map[string]float64{"naru.clock.offset": 0, "naru.clock.max_error": 0, "naru.clock.trusted": 0}, gauges(t, b.reader))
}

func gauges(t *testing.T, reader *sdkmetric.ManualReader) map[string]float64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	values := map[string]float64{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch gauge := m.Data.(type) {
			case metricdata.Gauge[float64]:
				values[m.Name] = gauge.DataPoints[0].Value
			case metricdata.Gauge[int64]:
				values[m.Name] = float64(gauge.DataPoints[0].Value)
			}
		}
	}
	return values
}

func TestNewWatchRefuses(t *testing.T) {
	t.Parallel()
	deps := clock.Deps{Clock: clock.System(), Reader: clock.KernelReader(), Log: slog.New(slog.DiscardHandler), Meter: noop.Meter{}}
	_, err := clock.NewWatch(deps, clock.DefaultTolerance(), 0)
	require.NoError(t, err)
	_, err = clock.NewWatch(deps, clock.Tolerance{}, 0)
	require.ErrorContains(t, err, "above zero")
	_, err = clock.NewWatch(deps, clock.DefaultTolerance(), -1)
	require.ErrorContains(t, err, "negative")
	_, err = clock.NewWatch(clock.Deps{}, clock.DefaultTolerance(), 0)
	require.ErrorContains(t, err, "required")
}

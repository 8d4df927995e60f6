package clock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/telemetry"
)

// Reading is what the kernel says about its clock.
type Reading struct {
	// Offset is the correction still to be made, positive or negative.
	Offset time.Duration
	// MaxError is the kernel's bound on the clock's error; it grows while no time service corrects the clock.
	MaxError time.Duration
	// EstError is the kernel's estimate of the error.
	EstError time.Duration
	// Synchronised is true while a time service corrects the clock.
	Synchronised bool
}

// Reader measures the kernel's clock. KernelReader is the real one.
type Reader interface {
	Read() (Reading, error)
}

// Tolerance says how far the clock may be off for times that go into evidence.
type Tolerance struct {
	// MaxOffset is the greatest offset in either direction.
	MaxOffset time.Duration
	// MaxError is the greatest bound on the error.
	MaxError time.Duration
	// Tolerant keeps the unit ready however bad the clock is, with a warning: for the sandbox profile only.
	Tolerant bool
}

// DefaultTolerance is half a second either way: well inside the whole seconds the hub takes, and far above what a time service on
// the same network keeps.
func DefaultTolerance() Tolerance {
	return Tolerance{MaxOffset: 500 * time.Millisecond, MaxError: 500 * time.Millisecond}
}

// DefaultInterval is the pause between two measurements.
const DefaultInterval = 15 * time.Second

// staleAfter is the number of intervals after which the last measurement no longer counts.
const staleAfter = 4

// Sample is one measurement and its result; it is kept as evidence.
type Sample struct {
	Reading
	// At is when it was measured, by the clock that was measured.
	At time.Time
	// Problem says why the clock is not good enough; empty when it is.
	Problem string
	// Changed is true for the first sample and whenever Problem comes or goes.
	Changed bool
}

// Deps of a Watch.
type Deps struct {
	Clock  Clock
	Reader Reader
	Log    *slog.Logger
	Meter  metric.Meter
	// Evidence keeps a sample; nil for no evidence. An error is logged, and the sample is not stored again.
	Evidence func(ctx context.Context, s Sample) error
}

// Watch measures at an interval whether the clock is good enough, and makes its unit not ready while it is not. It is safe for
// concurrent use.
type Watch struct {
	deps      Deps
	tolerance Tolerance
	interval  time.Duration

	mu   sync.Mutex
	last *Sample
}

// NewWatch makes a watch. An interval of 0 means DefaultInterval.
func NewWatch(deps Deps, tolerance Tolerance, interval time.Duration) (*Watch, error) {
	switch {
	case deps.Clock == nil || deps.Reader == nil || deps.Log == nil || deps.Meter == nil:
		return nil, errors.New("making a clock watch: clock, reader, log and meter are required")
	case tolerance.MaxOffset <= 0 || tolerance.MaxError <= 0:
		return nil, errors.New("making a clock watch: tolerances have to be above zero")
	case interval < 0:
		return nil, errors.New("making a clock watch: interval is negative")
	case interval == 0:
		interval = DefaultInterval
	}
	w := &Watch{deps: deps, tolerance: tolerance, interval: interval}
	if err := w.instrument(); err != nil {
		return nil, fmt.Errorf("making a clock watch: %w", err)
	}
	return w, nil
}

// Task measures at the interval, the first time at once.
func (w *Watch) Task() lifecycle.Task {
	return lifecycle.Every("clock watch", w.interval, func(ctx context.Context) { w.Measure(ctx) })
}

// Measure takes one sample, judges it, logs a change, and hands it to evidence.
func (w *Watch) Measure(ctx context.Context) Sample {
	reading, err := w.deps.Reader.Read()
	s := Sample{Reading: reading, At: w.deps.Clock.Now(), Problem: w.judge(reading, err)}
	w.mu.Lock()
	s.Changed = w.last == nil || (w.last.Problem == "") != (s.Problem == "")
	w.last = &s
	w.mu.Unlock()
	if s.Changed {
		w.report(ctx, s)
	}
	if w.deps.Evidence != nil {
		if err := w.deps.Evidence(ctx, s); err != nil {
			w.deps.Log.LogAttrs(ctx, slog.LevelError, "clock sample not kept as evidence", slog.Any("error", err))
		}
	}
	return s
}

// Sample is the last measurement; false before the first.
func (w *Watch) Sample() (Sample, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		return Sample{}, false
	}
	return *w.last, true
}

// Ready is nil while the clock may be written into evidence. A tolerant watch is always ready.
func (w *Watch) Ready() error {
	if w.tolerance.Tolerant {
		return nil
	}
	s, ok := w.Sample()
	switch {
	case !ok:
		return errors.New("clock: not measured yet")
	case s.Problem != "":
		return errors.New("clock: " + s.Problem)
	case w.deps.Clock.Now().Sub(s.At).Abs() > staleAfter*w.interval:
		// This also happens when the clock has jumped, in either direction, since the last measurement.
		return errors.New("clock: the last measurement is too old")
	default:
		return nil
	}
}

func (w *Watch) judge(r Reading, err error) string {
	switch {
	case err != nil:
		return "cannot be measured: " + err.Error()
	case !r.Synchronised:
		return "not synchronised"
	case r.Offset.Abs() > w.tolerance.MaxOffset:
		return fmt.Sprintf("offset %s is beyond %s", r.Offset, w.tolerance.MaxOffset)
	case r.MaxError > w.tolerance.MaxError:
		return fmt.Sprintf("maximum error %s is beyond %s", r.MaxError, w.tolerance.MaxError)
	default:
		return ""
	}
}

func (w *Watch) report(ctx context.Context, s Sample) {
	attrs := []slog.Attr{
		slog.Duration("offset", s.Offset), slog.Duration("max_error", s.MaxError), slog.Bool("synchronised", s.Synchronised),
	}
	switch {
	case s.Problem == "":
		w.deps.Log.LogAttrs(ctx, slog.LevelInfo, "clock is within tolerance", attrs...)
	case w.tolerance.Tolerant:
		w.deps.Log.LogAttrs(ctx, slog.LevelWarn, "clock is out of tolerance and tolerated", append(attrs, slog.String("problem", s.Problem))...)
	default:
		w.deps.Log.LogAttrs(ctx, slog.LevelError, "clock is out of tolerance", append(attrs, slog.String("problem", s.Problem))...)
	}
}

func (w *Watch) instrument() error {
	made := telemetry.NewInstruments(w.deps.Meter)
	made.Gauges(func(context.Context) ([]float64, error) {
		s, ok := w.Sample()
		if !ok {
			return nil, nil
		}
		trusted := 0.0
		if s.Problem == "" {
			trusted = 1
		}
		return []float64{s.Offset.Seconds(), s.MaxError.Seconds(), trusted}, nil
	},
		telemetry.Gauge{Name: "naru.clock.offset", Unit: "s", About: "Correction the kernel still has to make to the clock."},
		telemetry.Gauge{Name: "naru.clock.max_error", Unit: "s", About: "Kernel's bound on the clock's error."},
		telemetry.Gauge{Name: "naru.clock.trusted", About: "1 while the clock is within tolerance, 0 otherwise, tolerated or not."})
	return made.Err()
}

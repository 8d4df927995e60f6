package circulation

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
)

type metrics struct {
	results, unopened metric.Int64Counter
	lag               metric.Float64Histogram
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	m := &metrics{}
	var errs [3]error
	m.results, errs[0] = meter.Int64Counter("naru.circulation.results.calls", metric.WithUnit("{call}"),
		metric.WithDescription("Attempts at hub calls by what came of them and what follows."))
	m.unopened, errs[1] = meter.Int64Counter("naru.circulation.unopened.titles", metric.WithUnit("{title}"),
		metric.WithDescription("Titles that could not be opened, by kind of fault."))
	m.lag, errs[2] = meter.Float64Histogram("naru.circulation.lag", metric.WithUnit("s"),
		metric.WithDescription("From receipt, or reading, to the hub's acknowledgement."),
		metric.WithExplicitBucketBoundaries(.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600, 86400))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make circulation instruments: %w", err)
	}
	return m, nil
}

// held counts a call that could not be made because its title did not open.
func (m *metrics) held(ctx context.Context, kind callKind, err error) {
	m.unopened.Add(ctx, 1, metric.WithAttributes(attribute.String("call", kind.String()), attribute.String("kind", fault.KindOf(err).String())))
}

func (m *metrics) settled(ctx context.Context, kind callKind, all []settlement) {
	type key struct {
		outcome string
		next    callState
	}
	counts := map[key]int64{}
	for _, one := range all {
		outcome := string(one.sending)
		switch one.sending {
		case answered:
			outcome = strconv.Itoa(int(one.result))
		case unsent:
			outcome = "UNSENT"
		case leftOut, refusedAlone, unknown:
		}
		counts[key{outcome, one.next}]++
		if one.next == done {
			since := one.call.receivedAt
			if kind == readTime {
				since = one.call.readAt
			}
			m.lag.Record(ctx, one.endedAt.Sub(since).Seconds(), metric.WithAttributes(attribute.String("call", kind.String())))
		}
	}
	for k, n := range counts {
		m.results.Add(ctx, n, metric.WithAttributes(attribute.String("call", kind.String()), attribute.String("outcome", k.outcome), attribute.String("next", k.next.String())))
	}
}

// observeBacklog shows what waits; an age is 0 when nothing does. The alarm is on when the overdue are more than none.
func observeBacklog(meter metric.Meter, db pg.DBTX, c clock.Clock, alarmAfter time.Duration) error {
	var errs []error
	gauge := func(name, unit, description string) metric.Float64ObservableGauge {
		g, err := meter.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return g
	}
	due := gauge("naru.circulation.due.calls", "{call}", "Hub calls to be made; counted up to 100,000.")
	dueAge := gauge("naru.circulation.due.age", "s", "How long the oldest hub call has been due.")
	queue := gauge("naru.circulation.queue.calls", "{call}", "Hub calls that wait for a person; counted up to 100,000.")
	queueAge := gauge("naru.circulation.queue.age", "s", "How long the oldest has waited for a person.")
	overdue := gauge("naru.circulation.queue.overdue", "{call}", "Hub calls that have waited for a person longer than queue.alarm_after.")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("make circulation instruments: %w", err)
	}
	_, err := meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		now := c.Now()
		b, err := readBacklog(ctx, db, now.Add(-alarmAfter))
		if err != nil {
			return err
		}
		o.ObserveFloat64(due, float64(b.due))
		o.ObserveFloat64(dueAge, age(now, b.oldestDue))
		o.ObserveFloat64(queue, float64(b.queued))
		o.ObserveFloat64(queueAge, age(now, b.oldestQueued))
		o.ObserveFloat64(overdue, float64(b.overdue))
		return nil
	}, due, dueAge, queue, queueAge, overdue)
	if err != nil {
		return fmt.Errorf("make circulation instruments: %w", err)
	}
	return nil
}

func age(now, since time.Time) float64 {
	if since.IsZero() || since.After(now) {
		return 0
	}
	return now.Sub(since).Seconds()
}

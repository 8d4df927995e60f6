package circulation

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	results, unopened metric.Int64Counter
	lag               metric.Float64Histogram
}

// newMetrics also shows what waits; an age is 0 when nothing waits. The alarm is on while something is overdue.
func newMetrics(meter metric.Meter, db pg.DBTX, c clock.Clock, alarmAfter time.Duration) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		results:  made.Counter("naru.circulation.results.calls", "{call}", "Attempts at hub calls by what came of them and what follows."),
		unopened: made.Counter("naru.circulation.unopened.titles", "{title}", "Titles that could not be opened, by kind of fault."),
		lag: made.Histogram("naru.circulation.lag", "s", "From receipt, or reading, to the hub's acknowledgement.",
			.05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600, 86400),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		now := c.Now()
		b, err := readBacklog(ctx, db, now.Add(-alarmAfter))
		if err != nil {
			return nil, err
		}
		return []float64{float64(b.due), age(now, b.oldestDue), float64(b.queued), age(now, b.oldestQueued), float64(b.overdue),
			float64(b.refused), age(now, b.longestRefused)}, nil
	},
		telemetry.Gauge{Name: "naru.circulation.due.calls", Unit: "{call}", About: "Hub calls to be made; counted up to 100,000."},
		telemetry.Gauge{Name: "naru.circulation.due.age", Unit: "s", About: "How long the oldest hub call has been due."},
		telemetry.Gauge{Name: "naru.circulation.queue.calls", Unit: "{call}", About: "Hub calls that wait for a person; counted up to 100,000."},
		telemetry.Gauge{Name: "naru.circulation.queue.age", Unit: "s", About: "How long the oldest has waited for a person."},
		telemetry.Gauge{Name: "naru.circulation.queue.overdue", Unit: "{call}", About: "Hub calls that have waited for a person longer than queue.alarm_after."},
		telemetry.Gauge{Name: "naru.circulation.refused.calls", Unit: "{record}", About: "Records the hub refuses and that go again by themselves; counted up to 100,000."},
		telemetry.Gauge{Name: "naru.circulation.refused.age", Unit: "s", About: "How long the one refused longest has been refused."})
	return m, made.Err()
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

func age(now, since time.Time) float64 {
	if since.IsZero() || since.After(now) {
		return 0
	}
	return now.Sub(since).Seconds()
}

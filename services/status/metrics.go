package status

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	entries, repeats, lookups metric.Int64Counter
	lag                       metric.Float64Histogram
	kinds                     map[kind]metric.MeasurementOption
}

func newMetrics(meter metric.Meter, kinds map[kind]string) (*metrics, error) {
	m := &metrics{kinds: map[kind]metric.MeasurementOption{}}
	for k, name := range kinds {
		m.kinds[k] = metric.WithAttributeSet(attribute.NewSet(attribute.String("kind", name)))
	}
	made := telemetry.NewInstruments(meter)
	m.entries = made.Counter("naru.status.recorded.entries", "{entry}", "Timeline entries recorded, by kind.")
	m.repeats = made.Counter("naru.status.repeated.entries", "{entry}", "Facts that were recorded already, by kind.")
	m.lookups = made.Counter("naru.status.lookups", "{document}", "Documents asked for at intake, by whether it knew them.")
	m.lag = made.Histogram("naru.status.lag", "s", "From when a fact was stated to when it was recorded: the oldest of each batch, by kind.",
		.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600)
	return m, made.Err()
}

func (m *metrics) recorded(ctx context.Context, k kind, fresh, repeated int64) {
	m.entries.Add(ctx, fresh, m.kinds[k])
	if repeated > 0 {
		m.repeats.Add(ctx, repeated, m.kinds[k])
	}
}

func (m *metrics) lagged(ctx context.Context, k kind, lag time.Duration) {
	m.lag.Record(ctx, lag.Seconds(), m.kinds[k])
}

func (m *metrics) asked(ctx context.Context, missing, known int) {
	if missing == 0 {
		return
	}
	m.lookups.Add(ctx, int64(known), metric.WithAttributes(attribute.Bool("known", true)))
	m.lookups.Add(ctx, int64(missing-known), metric.WithAttributes(attribute.Bool("known", false)))
}

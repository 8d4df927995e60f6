package status

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
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
	var errs [4]error
	m.entries, errs[0] = meter.Int64Counter("naru.status.recorded.entries", metric.WithUnit("{entry}"), metric.WithDescription("Timeline entries recorded, by kind."))
	m.repeats, errs[1] = meter.Int64Counter("naru.status.repeated.entries", metric.WithUnit("{entry}"), metric.WithDescription("Facts that were recorded already, by kind."))
	m.lookups, errs[2] = meter.Int64Counter("naru.status.lookups", metric.WithUnit("{document}"), metric.WithDescription("Documents asked for at intake, by whether it knew them."))
	m.lag, errs[3] = meter.Float64Histogram("naru.status.lag", metric.WithUnit("s"),
		metric.WithDescription("From when a fact was stated to when it was recorded: the oldest of each batch, by kind."),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make status instruments: %w", err)
	}
	return m, nil
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

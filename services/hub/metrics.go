package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

type metrics struct {
	calls    metric.Int64Counter
	duration metric.Float64Histogram
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	var m metrics
	var errs [2]error
	m.calls, errs[0] = meter.Int64Counter("naru.hub.calls",
		metric.WithDescription("Calls to the distribution hub by operation and outcome."))
	m.duration, errs[1] = meter.Float64Histogram("naru.hub.call.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from sending a call to the distribution hub to its answer."))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return &m, nil
}

func (m *metrics) count(ctx context.Context, op hubclient.Operation, outcome string) {
	m.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("operation", string(op)), attribute.String("outcome", outcome)))
}

func (m *metrics) answered(ctx context.Context, op hubclient.Operation, o outcome, took time.Duration) {
	m.count(ctx, op, string(o))
	m.duration.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("operation", string(op))))
}

// observe shows the breaker and the token.
func observe(meter metric.Meter, r *recorder, t *tokens) error {
	_, err := meter.Int64ObservableGauge("naru.hub.breaker.state",
		metric.WithDescription("Breaker of the distribution hub: 0 closed, 1 half open, 2 open."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(r.breaker.State()))
			return nil
		}))
	if err != nil {
		return fmt.Errorf("make instruments: %w", err)
	}
	for _, gauge := range []struct {
		name, description string
		of                func(age, left time.Duration) time.Duration
	}{
		{"naru.hub.token.age", "Age of the access token at the distribution hub.", func(age, _ time.Duration) time.Duration { return age }},
		{"naru.hub.token.left", "Life left of the access token; 0 when the hub told none.", func(_, left time.Duration) time.Duration { return left }},
	} {
		_, err := meter.Float64ObservableGauge(gauge.name, metric.WithUnit("s"), metric.WithDescription(gauge.description),
			metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
				if age, left, ok := t.age(); ok {
					o.Observe(gauge.of(age, left).Seconds())
				}
				return nil
			}))
		if err != nil {
			return fmt.Errorf("make instruments: %w", err)
		}
	}
	return nil
}

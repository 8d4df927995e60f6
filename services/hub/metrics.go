package hub

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

type metrics struct {
	calls, pushes metric.Int64Counter
	duration      metric.Float64Histogram
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		calls:    made.Counter("naru.hub.calls", "", "Calls to the distribution hub by operation and outcome."),
		pushes:   made.Counter("naru.hub.pushes", "", "Pushes of the distribution hub by outcome: kept, repeated, differs, refused, malformed or not_kept."),
		duration: made.Histogram("naru.hub.call.duration", "s", "Time from sending a call to the distribution hub to its answer."),
	}
	return m, made.Err()
}

func (m *metrics) count(ctx context.Context, op hubclient.Operation, outcome string) {
	m.calls.Add(ctx, 1, metric.WithAttributes(attribute.String("operation", string(op)), attribute.String("outcome", outcome)))
}

func (m *metrics) pushed(ctx context.Context, outcome string) {
	m.pushes.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) answered(ctx context.Context, op hubclient.Operation, o outcome, took time.Duration) {
	m.count(ctx, op, string(o))
	m.duration.Record(ctx, took.Seconds(), metric.WithAttributes(attribute.String("operation", string(op))))
}

// observe shows the breaker and, where there is one, the token.
func observe(meter metric.Meter, r *recorder, t *tokens) error {
	made := telemetry.NewInstruments(meter)
	made.Gauges(func(context.Context) ([]float64, error) {
		return []float64{float64(r.breaker.State())}, nil
	}, telemetry.Gauge{Name: "naru.hub.breaker.state", About: "Breaker of the distribution hub: 0 closed, 1 half open, 2 open."})
	made.Gauges(func(context.Context) ([]float64, error) {
		age, left, ok := t.age()
		if !ok {
			return nil, nil
		}
		return []float64{age.Seconds(), left.Seconds()}, nil
	},
		telemetry.Gauge{Name: "naru.hub.token.age", Unit: "s", About: "Age of the access token at the distribution hub."},
		telemetry.Gauge{Name: "naru.hub.token.left", Unit: "s", About: "Life left of the access token; 0 when the hub told none."})
	return made.Err()
}

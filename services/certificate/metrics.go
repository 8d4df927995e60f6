package certificate

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	requests, attempts, lookups, figures, pushes metric.Int64Counter
}

func newMetrics(meter metric.Meter, db *pgxpool.Pool) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		requests: made.Counter("naru.certificate.requests", "", "Requests for certificates by entitlement or by why they were refused."),
		attempts: made.Counter("naru.certificate.attempts", "", "Attempts to obtain a certificate by outcome."),
		figures:  made.Counter("naru.certificate.figures", "", "Attempts to obtain certificates of monthly figures by outcome."),
		pushes:   made.Counter("naru.certificate.pushes", "", "Certificates that the hub pushed, by outcome."),
		lookups:  made.Counter("naru.certificate.lookups", "", "What delivery, intake and circulation were asked about documents, by unit and outcome."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		age, err := oldestWaiting(ctx, db)
		return []float64{age}, err
	}, telemetry.Gauge{Name: "naru.certificate.waiting.age", Unit: "s", About: "Age of the oldest request whose certificate is not obtained yet."})
	return m, made.Err()
}

func (m *metrics) requested(ctx context.Context, outcome string) {
	m.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) asked(ctx context.Context, unit, outcome string) {
	m.lookups.Add(ctx, 1, metric.WithAttributes(attribute.String("unit", unit), attribute.String("outcome", outcome)))
}

func (m *metrics) pushed(ctx context.Context, outcome string) {
	m.pushes.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) figured(ctx context.Context, o figuresOutcome) {
	m.figures.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(o.kind))))
}

func (m *metrics) attempted(ctx context.Context, o outcome) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(o.kind))))
}

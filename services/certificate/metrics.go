package certificate

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	requests, attempts, bundles, renewals, lookups, figures, pushes metric.Int64Counter
}

func newMetrics(meter metric.Meter, db *pgxpool.Pool) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		requests: made.Counter("naru.certificate.requests", "", "Requests for certificates by entitlement or by why they were refused."),
		attempts: made.Counter("naru.certificate.attempts", "", "Attempts to obtain a certificate by outcome."),
		bundles:  made.Counter("naru.certificate.bundles", "", "Attempts to assemble a bundle by outcome, and by what it waits for."),
		renewals: made.Counter("naru.certificate.renewals", "", "Time stamps of issued bundles that were to be renewed, by outcome."),
		figures:  made.Counter("naru.certificate.figures", "", "Attempts to obtain certificates of monthly figures by outcome."),
		pushes:   made.Counter("naru.certificate.pushes", "", "Certificates that the hub pushed, by outcome."),
		lookups:  made.Counter("naru.certificate.lookups", "", "What archive, delivery, intake and circulation were asked about documents, by unit and outcome."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		age, err := oldestWaiting(ctx, db)
		if err != nil {
			return nil, err
		}
		bundle, err := oldestBundle(ctx, db)
		if err != nil {
			return nil, err
		}
		overdue, believed, err := oldestRenewal(ctx, db)
		return []float64{age, bundle, overdue, believed}, err
	}, telemetry.Gauge{Name: "naru.certificate.waiting.age", Unit: "s", About: "Age of the oldest request whose certificate is not obtained yet."},
		telemetry.Gauge{Name: "naru.certificate.bundle.waiting.age", Unit: "s", About: "Age of the oldest request whose bundle is not assembled yet."},
		telemetry.Gauge{Name: "naru.certificate.renewal.overdue", Unit: "s", About: "How long the oldest renewal of a bundle's time stamp has been due."},
		telemetry.Gauge{Name: "naru.certificate.renewal.left", Unit: "s", About: "How long the first time stamp of a bundle that has to be renewed is still believed; infinite where none has to."})
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

func (m *metrics) assembled(ctx context.Context, o bundleOutcome) {
	m.bundles.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(o.kind)), attribute.String("step", o.step.String())))
}

func (m *metrics) renewed(ctx context.Context, done bool) {
	outcome := "unavailable"
	if done {
		outcome = "renewed"
	}
	m.renewals.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

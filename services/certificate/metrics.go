package certificate

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type metrics struct {
	requests, attempts, lookups metric.Int64Counter
}

const oldestWaitingSQL = `
	select coalesce(extract(epoch from now() - min(c.accepted_at)), 0)::double precision
	  from certificate c
	 where c.state = 1`

func newMetrics(meter metric.Meter, db *pgxpool.Pool) (*metrics, error) {
	var m metrics
	var errs [4]error
	m.requests, errs[0] = meter.Int64Counter("naru.certificate.requests",
		metric.WithDescription("Requests for certificates by entitlement or by why they were refused."))
	m.attempts, errs[1] = meter.Int64Counter("naru.certificate.attempts",
		metric.WithDescription("Attempts to obtain a certificate by outcome."))
	m.lookups, errs[2] = meter.Int64Counter("naru.certificate.lookups",
		metric.WithDescription("What delivery, intake and circulation were asked about documents, by unit and outcome."))
	_, errs[3] = meter.Float64ObservableGauge("naru.certificate.waiting.age", metric.WithUnit("s"),
		metric.WithDescription("Age of the oldest request whose certificate is not obtained yet."),
		metric.WithFloat64Callback(func(ctx context.Context, o metric.Float64Observer) error {
			var age float64
			if err := db.QueryRow(ctx, oldestWaitingSQL).Scan(&age); err != nil {
				return fmt.Errorf("observe waiting certificates: %w", err)
			}
			o.Observe(age)
			return nil
		}))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return &m, nil
}

func (m *metrics) requested(ctx context.Context, outcome string) {
	m.requests.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) asked(ctx context.Context, unit, outcome string) {
	m.lookups.Add(ctx, 1, metric.WithAttributes(attribute.String("unit", unit), attribute.String("outcome", outcome)))
}

func (m *metrics) attempted(ctx context.Context, o outcome) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(o.kind))))
}

package gateway

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/pg"
)

// metrics are the unit's instruments.
type metrics struct {
	tokens  metric.Int64Counter
	refused metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX) (*metrics, error) {
	m := &metrics{}
	var errs [3]error
	m.tokens, errs[0] = meter.Int64Counter("naru.gateway.token.requests", metric.WithUnit("{request}"), metric.WithDescription("Requests for access tokens by outcome"))
	m.refused, errs[1] = meter.Int64Counter("naru.gateway.refused.calls", metric.WithUnit("{call}"), metric.WithDescription("Calls refused at a door by reason: authentication, scope, quota"))
	_, errs[2] = meter.Int64ObservableGauge("naru.gateway.due.registrations", metric.WithUnit("{institution}"), metric.WithDescription("Institutions the address unit has not taken yet"),
		metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
			n, err := countDueRegistrations(ctx, db)
			if err != nil {
				return err
			}
			o.Observe(n)
			return nil
		}))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return m, nil
}

func (m *metrics) token(ctx context.Context, err error) {
	outcome := "issued"
	if err != nil {
		outcome = fault.ReasonOf(err)
	}
	m.tokens.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

func (m *metrics) refusal(ctx context.Context, door string, err error) {
	m.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("door", door), attribute.String("reason", fault.ReasonOf(err))))
}

package delivery

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type metrics struct {
	decided metric.Int64Counter
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	decided, err := meter.Int64Counter("naru.delivery.decided.documents", metric.WithDescription("Documents by what became of them."))
	if err != nil {
		return nil, fmt.Errorf("make delivery instruments: %w", err)
	}
	return &metrics{decided: decided}, nil
}

func (m *metrics) count(ctx context.Context, state State, documents int) {
	m.decided.Add(ctx, int64(documents), metric.WithAttributes(attribute.String("state", string(state))))
}

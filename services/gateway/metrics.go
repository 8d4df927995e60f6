package gateway

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/telemetry"
)

// metrics are the unit's instruments.
type metrics struct {
	tokens  metric.Int64Counter
	refused metric.Int64Counter
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		tokens:  made.Counter("naru.gateway.token.requests", "{request}", "Requests for access tokens by outcome"),
		refused: made.Counter("naru.gateway.refused.calls", "{call}", "Calls refused at a door by reason: authentication, scope, quota"),
	}
	return m, made.Err()
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

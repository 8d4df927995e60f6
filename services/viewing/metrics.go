package viewing

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	sessions, tokens, checks, reports, lookups metric.Int64Counter
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		sessions: made.Counter("naru.viewing.sessions", "", "Identity proofs by outcome."),
		tokens:   made.Counter("naru.viewing.tokens", "", "Viewing tokens issued."),
		checks:   made.Counter("naru.viewing.token.checks", "", "Checks of viewing tokens by outcome."),
		reports:  made.Counter("naru.viewing.read.reports", "", "Read reports by outcome."),
		lookups:  made.Counter("naru.viewing.lookups", "", "Documents delivery was asked for, by outcome."),
	}
	return m, made.Err()
}

func count(ctx context.Context, counter metric.Int64Counter, outcome string) {
	counter.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

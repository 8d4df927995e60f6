package viewing

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

type metrics struct {
	sessions, tokens, checks, reports, lookups metric.Int64Counter
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	var m metrics
	var errs []error
	for _, counter := range []struct {
		into        *metric.Int64Counter
		name, about string
	}{
		{&m.sessions, "naru.viewing.sessions", "Identity proofs by outcome."},
		{&m.tokens, "naru.viewing.tokens", "Viewing tokens issued."},
		{&m.checks, "naru.viewing.token.checks", "Checks of viewing tokens by outcome."},
		{&m.reports, "naru.viewing.read.reports", "Read reports by outcome."},
		{&m.lookups, "naru.viewing.lookups", "Documents delivery was asked for, by outcome."},
	} {
		var err error
		*counter.into, err = meter.Int64Counter(counter.name, metric.WithDescription(counter.about))
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return &m, nil
}

func count(ctx context.Context, counter metric.Int64Counter, outcome string) {
	counter.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

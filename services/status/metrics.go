package status

import (
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

type metrics struct {
	entries metric.Int64Counter
}

func newMetrics(meter metric.Meter) (*metrics, error) {
	entries, err := meter.Int64Counter("naru.status.timeline.entries", metric.WithDescription("Timeline entries that were new."))
	if err != nil {
		return nil, fmt.Errorf("make status instruments: %w", err)
	}
	return &metrics{entries: entries}, nil
}

package intake

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/frame"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// metrics are the unit's instruments.
type metrics struct {
	accepted, duplicates, refused metric.Int64Counter
	groupRows                     metric.Int64Histogram
}

func newMetrics(meter metric.Meter, queued func() int) (*metrics, error) {
	m := &metrics{}
	var errs [5]error
	m.accepted, errs[0] = meter.Int64Counter("naru.intake.accepted.items", metric.WithUnit("{item}"), metric.WithDescription("Items accepted under a new key, by lane."))
	m.duplicates, errs[1] = meter.Int64Counter("naru.intake.duplicate.items", metric.WithUnit("{item}"), metric.WithDescription("Repeats answered with the first receipt."))
	m.refused, errs[2] = meter.Int64Counter("naru.intake.refused.items", metric.WithUnit("{item}"), metric.WithDescription("Items refused, by reason."))
	m.groupRows, errs[3] = meter.Int64Histogram("naru.intake.group.rows", metric.WithUnit("{row}"), metric.WithDescription("Rows of one commit at the door."),
		metric.WithExplicitBucketBoundaries(1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
	_, errs[4] = meter.Int64ObservableGauge("naru.intake.queued.rows", metric.WithUnit("{row}"), metric.WithDescription("Rows that wait for a writer."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(queued()))
			return nil
		}))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("make intake instruments: %w", err)
	}
	return m, nil
}

func (m *metrics) group(ctx context.Context, rows int) { m.groupRows.Record(ctx, int64(rows)) }

// outcomes counts what became of a call's items.
func (m *metrics) outcomes(ctx context.Context, lane platformv1.Lane, candidates []*candidate) {
	var accepted, duplicates int64
	refused := map[string]int64{}
	for _, c := range candidates {
		switch {
		case c.refusal != nil && c.refusal.Reason != "":
			refused[c.refusal.Reason]++
		case c.refusal != nil:
			refused[c.refusal.Kind.String()]++
		case c.acceptance.GetDuplicate():
			duplicates++
		default:
			accepted++
		}
	}
	m.accepted.Add(ctx, accepted, metric.WithAttributes(attribute.String("lane", frame.LaneName(lane))))
	m.duplicates.Add(ctx, duplicates)
	for reason, n := range refused {
		m.refused.Add(ctx, n, metric.WithAttributes(attribute.String("reason", reason)))
	}
}

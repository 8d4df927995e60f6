package intake

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/telemetry"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// metrics are the unit's instruments.
type metrics struct {
	accepted, duplicates, refused metric.Int64Counter
	groupRows                     metric.Float64Histogram
}

func newMetrics(meter metric.Meter, queued func() int) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		accepted:   made.Counter("naru.intake.accepted.items", "{item}", "Items accepted under a new key, by lane."),
		duplicates: made.Counter("naru.intake.duplicate.items", "{item}", "Repeats answered with the first receipt."),
		refused:    made.Counter("naru.intake.refused.items", "{item}", "Items refused, by reason."),
		groupRows:  made.Histogram("naru.intake.group.rows", "{row}", "Rows of one commit at the door.", 1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
	}
	made.Gauges(func(context.Context) ([]float64, error) {
		return []float64{float64(queued())}, nil
	}, telemetry.Gauge{Name: "naru.intake.queued.rows", Unit: "{row}", About: "Rows that wait for a writer."})
	return m, made.Err()
}

func (m *metrics) group(ctx context.Context, rows int) { m.groupRows.Record(ctx, float64(rows)) }

// outcomes counts the outcomes of a call's items.
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

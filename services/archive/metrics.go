package archive

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	attempts, doubled metric.Int64Counter
}

// newMetrics also shows what waits; an age is 0 when nothing waits.
func newMetrics(meter metric.Meter, db pg.DBTX) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		attempts: made.Counter("naru.archive.attempts", "", "Attempts to deposit a document by outcome."),
		doubled:  made.Counter("naru.archive.doubled", "", "Documents that the archive registered, or may have registered, twice."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		due, age, failing, err := backlog(ctx, db)
		return []float64{due, age, failing}, err
	},
		telemetry.Gauge{Name: "naru.archive.due.deposits", About: "Documents still to be deposited; counted up to 100,000."},
		telemetry.Gauge{Name: "naru.archive.due.age", Unit: "s", About: "How long the oldest has been due."},
		telemetry.Gauge{Name: "naru.archive.failing.deposits", About: "Those of them whose last attempt failed; counted up to 100,000."})
	return m, made.Err()
}

func (m *metrics) attempted(ctx context.Context, kind outcomeKind) {
	m.attempts.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", string(kind))))
}

package content

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
)

type metrics struct {
	settled, bytes, damaged, missing, deleted metric.Int64Counter
}

func newMetrics(meter metric.Meter, db pg.DBTX, streams *streams) (*metrics, error) {
	made := telemetry.NewInstruments(meter)
	m := &metrics{
		settled: made.Counter("naru.content.settled.uploads", "", "Uploads whose check ended, by state."),
		bytes:   made.Counter("naru.content.moved.bytes", "By", "Bytes that were taken and given, by direction."),
		damaged: made.Counter("naru.content.damaged.files", "", "Attempts to read a file that was changed or lost where it is kept."),
		missing: made.Counter("naru.content.missing.files", "", "Files that an accepted document names and that are not here."),
		deleted: made.Counter("naru.content.deleted.uploads", "", "Deleted uploads, by why."),
	}
	made.Gauges(func(ctx context.Context) ([]float64, error) {
		remains, err := countRemains(ctx, db)
		return []float64{float64(remains), float64(streams.taken.Load())}, err
	},
		telemetry.Gauge{Name: "naru.content.remaining.objects", About: "Objects of deleted or broken off uploads that are still to be removed."},
		telemetry.Gauge{Name: "naru.content.open.streams", About: "Files that are on their way now."})
	return m, made.Err()
}

func of(key, value string) metric.AddOption {
	return metric.WithAttributes(attribute.String(key, value))
}

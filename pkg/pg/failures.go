package pg

import (
	"context"
	"fmt"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
)

// Reasons for which the server could not serve, as the counter tells them.
const (
	failureDiskFull    = "disk_full"
	failureDisk        = "disk_fails"
	failureReadOnly    = "read_only"
	failureUnreachable = "unreachable"
)

// failures counts what the server could not do for us, so that an operator is told before many are refused.
type failures struct{ counter metric.Int64Counter }

func newFailures(provider metric.MeterProvider) (failures, error) {
	if provider == nil {
		provider = metricnoop.NewMeterProvider()
	}
	counter, err := provider.Meter("pg").Int64Counter("naru.pg.failures",
		metric.WithDescription("What the database could not do, because its disk is full or fails, it takes no writes, or it is not reached."))
	if err != nil {
		return failures{}, fmt.Errorf("make instruments: %w", err)
	}
	return failures{counter}, nil
}

func (f failures) count(ctx context.Context, reason string) {
	f.counter.Add(ctx, 1, metric.WithAttributes(attribute.String("reason", reason)))
}

// refused counts what a connected server answers.
func (f failures) refused(err *pgconn.PgError) {
	switch {
	case err.Code == DiskFull:
		f.count(context.Background(), failureDiskFull)
	case err.Code == stateReadOnly:
		f.count(context.Background(), failureReadOnly)
	case err.Code[:min(len(err.Code), 2)] == "58":
		f.count(context.Background(), failureDisk)
	}
}

// tracer is otelpgx's, and counts connections that could not be made.
type tracer struct {
	*otelpgx.Tracer

	failures failures
}

// TraceConnectEnd implements pgx.ConnectTracer.
func (t *tracer) TraceConnectEnd(ctx context.Context, data pgx.TraceConnectEndData) {
	t.Tracer.TraceConnectEnd(ctx, data)
	if data.Err != nil && ctx.Err() == nil {
		t.failures.count(ctx, failureUnreachable)
	}
}

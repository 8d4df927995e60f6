package telemetry

import (
	"context"
	"io"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// NewHandler writes log records as JSON, one a line, with time in UTC and durations in milliseconds, which their keys say
// (took_ms). A record written under a span carries its trace_id and span_id. Attributes given to a logger after WithGroup,
// trace_id and span_id included, are inside that group.
func NewHandler(w io.Writer, level slog.Leveler) slog.Handler {
	return handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: written})}
}

type handler struct {
	slog.Handler
}

// Handle adds the span's identity.
func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record = record.Clone()
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps the adding.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup keeps the adding.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// written brings every time into the form Naru keeps, the record's own included, and gives every duration its unit: a bare number
// tells neither people nor machines what it counts.
func written(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() { //nolint:exhaustive // the others stay
	case slog.KindTime:
		attr.Value = slog.TimeValue(attr.Value.Time().UTC().Truncate(time.Microsecond))
	case slog.KindDuration:
		attr.Key += "_ms"
		attr.Value = slog.Float64Value(float64(attr.Value.Duration().Microseconds()) / 1000)
	}
	return attr
}

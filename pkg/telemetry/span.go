package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Remote gives ctx the span that a W3C traceparent names as its parent; false, with ctx unchanged, when it names none or one that
// is not sampled.
func Remote(ctx context.Context, traceparent string) (context.Context, bool) {
	if traceparent == "" {
		return ctx, false
	}
	remote := propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
	span := trace.SpanContextFromContext(remote)
	if !span.IsRemote() || !span.IsSampled() {
		return ctx, false
	}
	return remote, true
}

package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/fault"
)

// Trace runs f under a span. An error marks the span with the kind and reason of its fault; the error's text stays out, because it
// may tell more than a trace should hold.
func Trace(ctx context.Context, tracer trace.Tracer, name string, f func(ctx context.Context) error, opts ...trace.SpanStartOption) error {
	ctx, span := tracer.Start(ctx, name, opts...)
	defer span.End()
	err := f(ctx)
	if err != nil {
		description := fault.KindOf(err).String()
		if reason := fault.ReasonOf(err); reason != "" {
			description += " " + reason
		}
		span.SetStatus(codes.Error, description)
	}
	return err
}

// TraceID is the id of the trace ctx is part of, as a problem document shows it; empty outside a trace.
func TraceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

// Remote gives ctx the span that a W3C traceparent names as its parent; false, with ctx unchanged, when it names none or one that is not
// sampled.
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

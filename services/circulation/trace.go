package circulation

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/telemetry"
)

// parentOf puts a call to the hub into the trace of its first sampled document, and links it to the traces of the others.
func parentOf(ctx context.Context, b batch) (context.Context, []trace.SpanStartOption) {
	parent, found := ctx, false
	var links []trace.Link
	for _, c := range b.calls {
		remote, ok := telemetry.Remote(ctx, c.traceparent)
		switch {
		case !ok:
		case !found:
			parent, found = remote, true
		default:
			links = append(links, trace.LinkFromContext(remote))
		}
	}
	return parent, []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindClient), trace.WithLinks(links...), trace.WithAttributes(attribute.Int("naru.items", len(b.calls))),
	}
}

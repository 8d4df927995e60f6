package telemetry_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"github.com/naru-relay/naru/pkg/telemetry"
)

// A sampled traceparent becomes the parent; anything else leaves the context unchanged.
func TestRemote(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, traceparent string
		found             bool
	}{
		{"sampled", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true},
		{"not sampled", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", false},
		{"empty", "", false},
		{"no trace id", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", false},
		{"noise", "00-zz-zz-01", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, found := telemetry.Remote(t.Context(), test.traceparent)
			require.Equal(t, test.found, found)
			require.Equal(t, test.found, trace.SpanContextFromContext(ctx).IsValid())
			if found {
				require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", trace.SpanContextFromContext(ctx).TraceID().String())
			}
		})
	}
}

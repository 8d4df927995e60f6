package unittest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bus"
)

// Ready is what the unit says of itself.
func (b *Bench) Ready(ctx context.Context) error { return b.running.Ready(ctx) }

// DeleteConsumersOf deletes the unit's consumers under it, as somebody with the broker's own rights can.
func (b *Bench) DeleteConsumersOf(t *testing.T) {
	t.Helper()
	require.NoError(t, bus.DeleteConsumers(t.Context(), b.admin, b.unit.Specs()))
}

// DeleteStreamsOf deletes the streams the unit reads.
func (b *Bench) DeleteStreamsOf(t *testing.T) {
	t.Helper()
	for _, spec := range b.unit.Specs() {
		require.NoError(t, bus.DeleteStream(t.Context(), b.admin, spec.From))
	}
}

// EnsureBus makes streams and consumers again, as the migrate step does.
func (b *Bench) EnsureBus(t *testing.T) {
	t.Helper()
	require.NoError(t, bus.Ensure(t.Context(), b.admin, topology(b.unit)))
}

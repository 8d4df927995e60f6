package unittest

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/frame"
)

// Ready is what the unit says of itself.
func (b *Bench) Ready(ctx context.Context) error { return b.running.Ready(ctx) }

// DeleteConsumers deletes the unit's consumers under it, as somebody with the broker's own rights can.
func (b *Bench) DeleteConsumers(t *testing.T) {
	t.Helper()
	broker := b.broker(t)
	for _, spec := range b.unit.Reads {
		for _, lane := range frame.Lanes() {
			require.NoError(t, broker.DeleteConsumer(t.Context(), bus.StreamName(spec.From), spec.Name(lane)))
		}
	}
}

// DeleteStreams deletes the streams the unit reads.
func (b *Bench) DeleteStreams(t *testing.T) {
	t.Helper()
	broker := b.broker(t)
	for _, spec := range b.unit.Reads {
		require.NoError(t, broker.DeleteStream(t.Context(), bus.StreamName(spec.From)))
	}
}

// LoseStream deletes the unit's own stream with all that is in it, and makes it again, empty.
func (b *Bench) LoseStream(t *testing.T) {
	t.Helper()
	require.NoError(t, b.broker(t).DeleteStream(t.Context(), bus.StreamName(b.unit.Name)))
	b.EnsureBus(t)
}

// InStream is how many frames the unit's own stream holds.
func (b *Bench) InStream(t *testing.T) int {
	t.Helper()
	stream, err := b.broker(t).Stream(t.Context(), bus.StreamName(b.unit.Name))
	require.NoError(t, err)
	return int(stream.CachedInfo().State.Msgs) //nolint:gosec // a few
}

// broker is JetStream by the broker's own rights.
func (b *Bench) broker(t *testing.T) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect("", nats.InProcessServer(b.server), nats.UserInfo("admin", busPassword))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	broker, err := jetstream.New(conn)
	require.NoError(t, err)
	return broker
}

// EnsureBus makes streams and consumers again, as the migrate step does.
func (b *Bench) EnsureBus(t *testing.T) {
	t.Helper()
	require.NoError(t, bus.Ensure(t.Context(), b.admin, topology(b.unit)))
}

package allinone

import (
	"net"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Although nothing listens on it yet, a port that was handed out is not given to anybody else, neither this relay nor another.
func TestAPortIsHandedOutOnce(t *testing.T) {
	t.Parallel()
	taken := map[int]bool{}
	for range 20 {
		relay := &ports{}
		t.Cleanup(func() { require.NoError(t, relay.close()) })
		for range portBlock / 2 {
			port, err := relay.take(t.Context(), loopback)
			require.NoError(t, err)
			require.False(t, taken[port], port)
			taken[port] = true
		}
	}
}

// Ports on which something else listens are skipped, and a used-up block is an error.
func TestPortsInUseArePassedOver(t *testing.T) {
	t.Parallel()
	relay := &ports{}
	t.Cleanup(func() { require.NoError(t, relay.close()) })
	first, err := relay.take(t.Context(), loopback)
	require.NoError(t, err)
	other, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(first+1)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, other.Close()) })
	second, err := relay.take(t.Context(), loopback)
	require.NoError(t, err)
	require.Greater(t, second, first+1)
	for err == nil {
		_, err = relay.take(t.Context(), loopback)
	}
	require.ErrorIs(t, err, errNoPort)
}

package allinone

import (
	"net"
	"os"
	"path/filepath"
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

// A later start is given the same ports, so that settings which name them stay true; where they are taken, or what is kept is no
// block, others.
func TestPortsAreTakenAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ports")
	start := func() (*ports, int) {
		p := &ports{file: file}
		port, err := p.take(t.Context(), loopback)
		require.NoError(t, err)
		return p, port
	}
	one, first := start()
	_, meanwhile := start()
	require.NotEqual(t, first, meanwhile)
	require.NoError(t, one.close())
	require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(first-1)+"\n"), 0o600))
	again, same := start()
	require.Equal(t, first, same)
	require.NoError(t, again.close())
	for _, text := range []string{"", "80", "20001", "-1", "no number"} {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		require.Zero(t, (&ports{file: file}).kept(), text)
	}
}

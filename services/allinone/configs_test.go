package allinone

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A door that listens on all addresses is reported with one that can be called; other addresses stay as they are.
func TestReached(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"0.0.0.0:8080": "localhost:8080", "[::]:8080": "localhost:8080", ":8080": "localhost:8080",
		"127.0.0.1:8080": "127.0.0.1:8080", "192.0.2.1:8080": "192.0.2.1:8080", "relay.example:8080": "relay.example:8080",
	} {
		require.Equal(t, want, reached(listen), listen)
	}
}

package rpc

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A unit's own address is used, otherwise the common pattern.
func TestAddressOf(t *testing.T) {
	t.Parallel()
	c := TLSConfig{Address: "{unit}.units.example:7443", Addresses: map[string]string{"hub": "edge.example:7443"}}
	require.Equal(t, "intake.units.example:7443", c.addressOf("intake"))
	require.Equal(t, "edge.example:7443", c.addressOf("hub"))
	require.Empty(t, (&TLSConfig{}).addressOf("intake"))
}

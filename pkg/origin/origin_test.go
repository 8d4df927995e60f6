package origin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/origin"
)

// A caller cannot choose its origin: forwarding headers count only as far as our own proxies set them.
func TestOrigin(t *testing.T) {
	t.Parallel()
	proxies, err := origin.Parse([]string{"10.0.0.0/8", "fd00::/8"})
	require.NoError(t, err)
	for _, tt := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"direct", "192.0.2.7:4711", nil, "192.0.2.7"},
		{"direct, with a header of its own", "192.0.2.7:4711", []string{"198.51.100.1"}, "192.0.2.7"},
		{"through a proxy", "10.1.1.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"through two", "10.1.1.1:80", []string{"198.51.100.1, 10.2.2.2"}, "198.51.100.1"},
		{"through two, in two headers", "10.1.1.1:80", []string{"198.51.100.1", "10.2.2.2"}, "198.51.100.1"},
		{"a forged beginning", "10.1.1.1:80", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"a proxy that tells nothing", "10.1.1.1:80", nil, "10.1.1.1"},
		{"a proxy that tells nonsense", "10.1.1.1:80", []string{"198.51.100.1, unknown"}, "10.1.1.1"},
		{"all of them proxies", "10.1.1.1:80", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3"},
		{"IPv6 by its subscriber", "[2001:db8:1:2:3:4:5:6]:443", nil, "2001:db8:1:2::/64"},
		{"IPv4 in IPv6", "[::ffff:192.0.2.7]:443", nil, "192.0.2.7"},
		{"IPv6 with a zone", "[fe80::1%eth0]:443", nil, "fe80::/64"},
		{"no address at all", "@", nil, "@"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, proxies.Of(tt.remote, tt.forwarded))
		})
	}
}

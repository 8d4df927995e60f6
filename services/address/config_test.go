package address

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
)

// The default configuration is valid; every problem of a bad one is reported with its path.
func TestConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, Default().Validate())

	c := Default()
	c.Lookup.Workers, c.Lookup.Lease, c.Lookup.MaxBackoff = 0, c.Lookup.Timeout, config.Duration(time.Millisecond)
	c.Registration.Interval, c.Registration.FirstBackoff, c.Registration.Timeout = 0, 0, 0
	c.CacheTTL, c.Recheck = config.Duration(2*time.Hour), 0
	c.Harvesting = HarvestingConfig{AlarmRatio: 1.1}
	err := c.Validate()
	for _, path := range []string{
		"lookup.workers", "lookup.lease", "lookup.max_backoff", "registration.interval", "registration.first_backoff", "registration.timeout",
		"cache_ttl", "recheck", "harvesting.fruitless_per_day", "harvesting.alarm_ratio", "harvesting.alarm_from",
	} {
		require.ErrorContains(t, err, path+":")
	}
}

// Lock numbers have one order and stay within their bound, whatever the order of the keys.
func TestBuckets(t *testing.T) {
	t.Parallel()
	key := func(n byte) []byte { return append([]byte{0, 0, 0, n}, make([]byte, 28)...) }
	require.Equal(t, []int32{1, 7, 9}, buckets(key(9), key(1), nil, key(7), key(9)))
	require.Equal(t, []int32{lockBuckets - 1}, buckets([]byte{0xff, 0xff, 0xff, 0xff}))
}

// Printing a person never shows its data.
func TestPersonIsHidden(t *testing.T) {
	t.Parallel()
	p := someone()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "person", fmt.Sprintf(format, p))
	}
}

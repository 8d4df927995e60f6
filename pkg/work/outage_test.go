package work_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/work"
)

// An outage ends with the first good call of a process, and with one after three that came to nothing.
func TestOutage(t *testing.T) {
	t.Parallel()
	var o work.Outage
	require.True(t, o.Saw(true))
	require.False(t, o.Saw(true))
	for range 2 {
		require.False(t, o.Saw(false))
	}
	require.False(t, o.Saw(true), "two calls are no outage")
	for range 3 {
		require.False(t, o.Saw(false))
	}
	require.True(t, o.Saw(true))
	o.Missed()
	require.True(t, o.Saw(true), "nobody acted upon it")
}

package circulation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/services/circulation"
)

// The default is valid, and all problems are reported at once.
func TestConfig(t *testing.T) {
	t.Parallel()
	require.NoError(t, circulation.Default().Validate())
	c := circulation.Default()
	c.Calls.Batch, c.Calls.Concurrency, c.Calls.BatchTimeout, c.Queue.AlarmAfter = 501, 0, 1, 0
	var paths []string
	for _, p := range config.List(c.Validate()) {
		paths = append(paths, p.Path)
	}
	require.Equal(t, []string{"calls.batch", "calls.concurrency", "queue.alarm_after", "calls.batch_timeout"}, paths)
}

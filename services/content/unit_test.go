package content_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/services/content"
)

// The unit starts on a database of its own and is ready.
func TestStarts(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, content.Unit)
	require.Equal(t, "content", b.Env.Unit)
	require.NoError(t, b.App.Ping(t.Context()))
}

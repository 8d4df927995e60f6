package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/unittest"
	"github.com/naru-relay/naru/services/web"
)

// The unit starts on a database of its own and is ready.
func TestStarts(t *testing.T) {
	t.Parallel()
	b := unittest.New(t, web.Unit)
	require.Equal(t, "web", b.Env.Unit)
	require.NoError(t, b.App.Ping(t.Context()))
}

package golden_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/golden"
	"github.com/naru-relay/naru/pkg/testkit/recorder"
)

func failureOf(t *testing.T, got, name string) string {
	t.Helper()
	return recorder.Failure(t, func(r testing.TB) { golden.Equal(r, []byte(got), name) })
}

// Equal accepts exactly the bytes of the file, and names the first line that differs.
func TestEqual(t *testing.T) {
	t.Parallel()
	require.Empty(t, failureOf(t, "one\ntwo\n", "lines.txt"))
	require.Contains(t, failureOf(t, "one\n2\n", "lines.txt"), "testdata/lines.golden.txt differs at line 2\nwant: \"two\\n\"\n got: \"2\\n\"")
	require.Contains(t, failureOf(t, "one\ntwo", "lines.txt"), "line 2")
	require.Contains(t, failureOf(t, "one\ntwo\nthree", "lines.txt"), "line 3")
	require.Contains(t, failureOf(t, "x", "missing.txt"), "-update")
}

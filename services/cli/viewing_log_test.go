package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An extract is written as it came, with a line end; that there are more entries is told. Without one there is no file.
func TestViewingLog(t *testing.T) {
	t.Parallel()
	const call = "POST /v1/documents/" + number + "/viewing-logs"
	f := newRelay(t, map[string][]string{call: {`{"extract":"eyJ.e.s","serial":"s-1","entries":500,"last":501,"more":true}`}})
	code, stdout, stderr := f.run(t, "viewing-log", number, "--after", "1", "--out", f.path("log.txt"))
	require.Equal(t, ExitOK, code, stderr)
	require.Equal(t, "s-1  500 entries  "+f.path("log.txt")+"\nthere are more: --after 501\n", stdout)
	require.JSONEq(t, `{"after":1}`, strings.TrimPrefix(f.bodies[call][0], "Bearer sender "))
	written, err := os.ReadFile(f.path("log.txt"))
	require.NoError(t, err)
	require.Equal(t, "eyJ.e.s\n", string(written))
	code, _, stderr = f.run(t, "viewing-log", number, "--out", f.path("log.txt"))
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "left as it is")
	code, _, _ = f.run(t, "viewing-log", number, "--out", f.path("other.txt"), "--after", "-1")
	require.Equal(t, ExitUsage, code)
	f = newRelay(t, nil)
	code, _, _ = f.run(t, "viewing-log", number, "--out", f.path("none.txt"))
	require.Equal(t, ExitFailed, code)
	require.NoFileExists(t, f.path("none.txt"))
}

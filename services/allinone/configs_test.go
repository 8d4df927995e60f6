package allinone

import (
	"os/exec"
	"strings"
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

// What is printed for a shell is one word for it, whatever the folder is called.
func TestQuoted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"/var/lib/naru", "", "a b", `it's "so"`, "$HOME/`id`", "나루;&|<>*?!\\"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+quoted(text)).Output()
		require.NoError(t, err)
		require.Equal(t, text, string(out))
	}
	require.Equal(t, "/var/lib/naru", quoted("/var/lib/naru"))
}

// Where the units are left out, what comes next is told, as a shell would run it.
func TestApartTellsWhatToDoNext(t *testing.T) {
	t.Parallel()
	r := &Relay{folder: "/tmp/a b", Endpoints: Endpoints{REST: "http://127.0.0.1:1"}}
	told := r.Greeting()
	require.Contains(t, told, `for unit in $(naru units); do $unit -platform '/tmp/a b/config'/$unit.platform.yaml -config '/tmp/a b/config'/$unit.yaml -migrate || break; done`)
	require.Less(t, strings.Index(told, "-migrate"), strings.Index(told, "wait"))
}

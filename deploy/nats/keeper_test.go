package nats_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The keeper starts a server again that says that it cannot write, where there is room, and no other.
func TestKeeper(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		health    string
		room      string
		restarted bool
		code      int
	}{
		"well":          {`{"status":"ok"}`, "1", false, 0},
		"waits":         {`{"status":"unavailable","errors":[{"type":"JETSTREAM","error":"JetStream is not current with the meta leader"}]}`, "1", false, 0},
		"cannot write":  {`{"status":"error","errors":[{"type":"STREAM","error":"JetStream stream 'NARU > X' write error: no space left on device"}]}`, "1", true, 0},
		"still no room": {`{"status":"error","errors":[{"type":"STREAM","error":"JetStream stream 'NARU > X' write error: no space left on device"}]}`, "999999999", false, 1},
		"has given up":  {`{"status":"unavailable","error":"JetStream not enabled (10076)"}`, "1", true, 0},
		"is dead":       {"", "1", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, tc.health)
			}))
			if t.Cleanup(server.Close); tc.health == "" {
				server.Close()
			}
			restarted := filepath.Join(t.TempDir(), "restarted")
			command := exec.CommandContext(t.Context(), "./keeper.sh", server.URL+"/healthz?details=true", t.TempDir(), tc.room, "touch", restarted)
			out, _ := command.CombinedOutput()
			require.Equal(t, tc.code, command.ProcessState.ExitCode(), "%s", out)
			_, err := os.Stat(restarted)
			require.Equal(t, tc.restarted, err == nil, "%s", out)
		})
	}
}

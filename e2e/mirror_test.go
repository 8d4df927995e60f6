package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/mirror"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/cli"
	"github.com/naru-relay/naru/services/registry"
)

// mirrored is a mirror of the relay's public logs, as anybody could have one.
type mirrored struct {
	keys, folder, roots string
}

// newMirror takes the relay's keys and mirrors its logs.
func newMirror(t *testing.T) mirrored {
	t.Helper()
	m := mirrored{keys: t.TempDir(), folder: filepath.Join(t.TempDir(), "mirror"), roots: stack.Endpoints.Sandbox.PKI("tsa-root.pem")}
	for _, u := range registry.Units() {
		answer := stack.Anonymous().Do(t, http.MethodGet, "/.well-known/naru/"+u.Name+"/log.vkey", nil)
		require.Equal(t, http.StatusOK, answer.Status)
		require.NoError(t, os.WriteFile(filepath.Join(m.keys, u.Name+".vkey"), answer.Body, 0o600))
	}
	return m
}

// update runs naru mirror.
func (m mirrored) update(t *testing.T) map[string]mirror.Result {
	t.Helper()
	var out, errs bytes.Buffer
	code := cli.Main(t.Context(), []string{"mirror", "--rest", stack.Endpoints.REST, "--keys", m.keys, "--to", m.folder, "--time-stamp-roots", m.roots, "--json"}, &out, &errs)
	require.Equal(t, cli.ExitOK, code, "%s%s", out.String(), errs.String())
	var results []mirror.Result
	require.NoError(t, json.Unmarshal(out.Bytes(), &results))
	units := map[string]mirror.Result{}
	for _, r := range results {
		units[r.Unit] = r
	}
	require.Len(t, units, len(registry.Units()))
	return units
}

// verify runs naru evidence verify over a database, with what the mirror has and nothing of the relay's machines.
func (m mirrored) verify(t *testing.T, address string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "relay.url")
	require.NoError(t, os.WriteFile(file, []byte(address), 0o600))
	args := []string{"evidence", "verify", "--database", file, "--mirror", m.folder, "--time-stamp-roots", m.roots}
	for _, u := range registry.Units() {
		args = append(args, "--verifier-key", filepath.Join(m.keys, u.Name+".vkey"))
	}
	code, found, output := harness.Look(t, args...)
	require.NotEqual(t, cli.ExitUsage, code, output)
	return codesOf(found)
}

// Anybody can mirror every unit's log without credentials, and follow it as the relay works.
func TestMirrorFollowsTheRelay(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	var first map[string]mirror.Result
	await.Require(t, harness.Patience, func() bool {
		first = m.update(t)
		for _, r := range first {
			if r.Size == 0 || r.StampedSize == 0 {
				return false
			}
		}
		return true
	})
	institution, recipient := stack.Institution(t), stack.NewMember(t)
	document := institution.NewDocument(t, recipient.ByCI())
	institution.Store(t, document, recipient.ByCI())
	institution.Send(t, document)
	institution.AwaitState(t, document.EdocNum, "RECEIVED")
	await.Require(t, harness.Patience, func() bool { return m.update(t)["intake"].Size > first["intake"].Size })
	require.WithinDuration(t, first["intake"].CosignedAt, m.update(t)["intake"].CosignedAt, time.Hour)
	content, err := os.ReadFile(filepath.Join(m.folder, "intake", "checkpoint"))
	require.NoError(t, err)
	require.Contains(t, string(content), "naru/naru-01-sandbox/intake/1\n")
}

package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/mirror"
)

// publicLog is a log of one or two leaves at a relay's door.
type publicLog struct {
	*httptest.Server
	t            *testing.T
	key, witness *keys.NoteKey

	mu    sync.Mutex
	files map[string]string
}

func newPublicLog(t *testing.T) *publicLog {
	t.Helper()
	l := &publicLog{t: t, files: map[string]string{}}
	for name, key := range map[string]**keys.NoteKey{"intake": &l.key, "status": &l.witness} {
		store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
		require.NoError(t, err)
		*key, err = store.NoteSigner(t.Context(), "log", "naru/naru-01-test/"+name)
		require.NoError(t, err)
	}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		content, there := l.files[strings.TrimPrefix(r.URL.Path, "/.well-known/naru/intake/log/")]
		l.mu.Unlock()
		if !there {
			w.WriteHeader(http.StatusNotFound)
			content = `{"reason":"LOG_EMPTY"}`
		}
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(l.Close)
	return l
}

// show shows a log of these leaves.
func (l *publicLog) show(leaves ...string) {
	l.t.Helper()
	root, tile := tlog.RecordHash([]byte(leaves[0])), ""
	if len(leaves) == 2 {
		root = tlog.NodeHash(root, tlog.RecordHash([]byte(leaves[1])))
	}
	for _, leaf := range leaves {
		hash := tlog.RecordHash([]byte(leaf))
		tile += string(hash[:])
	}
	body := log.Checkpoint{Origin: "naru/naru-01-test/intake/1", Size: uint64(len(leaves)), Hash: root[:]}.Marshal()
	signed, err := note.Sign(&note.Note{Text: string(body)}, l.key.Signer, l.witness.Cosigner)
	require.NoError(l.t, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.files = map[string]string{"checkpoint": string(signed), "tile/0/000.p/1": tile[:32], "tile/0/000.p/2": tile}
}

// naru mirror ends with 0 while the log only grows, with 1 once it does not hold, and with 2 where it could not look.
func TestMirror(t *testing.T) {
	t.Parallel()
	l := newPublicLog(t)
	dir, keysDir := t.TempDir(), ""
	for unit, key := range map[string]*keys.NoteKey{"intake": l.key, "status": l.witness} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, unit+".vkey"), []byte(key.Public+"\n"+key.PublicCosigner+"\n"), 0o600))
	}
	to := filepath.Join(t.TempDir(), "mirror")
	look := func(args ...string) (code int, results []mirror.Result, said string) {
		t.Helper()
		var out, errs bytes.Buffer
		code = Main(t.Context(), append([]string{"mirror", "--rest", l.URL, "--unit", "intake", "--keys", keysDir, "--to", to, "--json"}, args...), &out, &errs)
		if out.Len() > 0 {
			require.NoError(t, json.Unmarshal(out.Bytes(), &results), out.String())
		}
		return code, results, errs.String()
	}
	keysDir = dir
	l.show("a")
	code, results, said := look()
	require.Equal(t, ExitOK, code, said)
	require.Len(t, results, 1)
	require.EqualValues(t, 1, results[0].Size)
	l.show("a", "b")
	code, results, said = look()
	require.Equal(t, ExitOK, code, said)
	require.EqualValues(t, 1, results[0].From)
	require.EqualValues(t, 2, results[0].Size)

	for want, leaves := range map[string][]string{"log_cut_off": {"a"}, "history_differs": {"a", "c"}} {
		l.show(leaves...)
		code, results, said = look()
		require.Equal(t, ExitFailed, code, said)
		require.Len(t, results[0].Violations, 1)
		require.Equal(t, want, results[0].Violations[0].Code)
	}
	l.show("a", "b")
	code, _, said = look()
	require.Equal(t, ExitOK, code, said)

	code, results, said = look("--witnessed-within", "1ns")
	require.Equal(t, ExitFailed, code, "%s", said)
	require.Len(t, results[0].Violations, 1)
	require.Equal(t, "not_witnessed", results[0].Violations[0].Code)
	stranger := filepath.Join(t.TempDir(), "stranger.vkey")
	require.NoError(t, os.WriteFile(stranger, []byte(l.witness.PublicCosigner+"\n"), 0o600))
	code, _, said = look("--witness", stranger)
	require.Equal(t, ExitOK, code, "%s", said)
	other, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	key, err := other.NoteSigner(t.Context(), "log", "stranger.example")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(stranger, []byte(key.PublicCosigner+"\n"), 0o600))
	code, results, said = look("--witness", stranger)
	require.Equal(t, ExitFailed, code, "%s", said)
	require.Equal(t, "cosignature_wrong", results[0].Violations[0].Code)
	code, _, said = look("--witness", stranger, "--witnesses-required", "0")
	require.Equal(t, ExitOK, code, "%s", said)
	code, _, said = look("--witness", stranger, "--witnesses-required", "2")
	require.Equal(t, ExitUsage, code)
	require.Contains(t, said, "above the number")
	code, _, said = look("--witness", filepath.Join(dir, "none"))
	require.Equal(t, ExitUsage, code, said)
	require.NoError(t, os.WriteFile(stranger, []byte("no key\n"), 0o600))
	code, _, said = look("--witness", stranger)
	require.Equal(t, ExitUsage, code, said)
	require.Contains(t, said, "are expected")
	code, _, said = look("--witnessed-within", "0s")
	require.Equal(t, ExitUsage, code)
	require.Contains(t, said, "above zero")

	var out, errs bytes.Buffer
	l.show("x", "b")
	require.Equal(t, ExitFailed, Main(t.Context(), []string{"mirror", "--rest", l.URL, "--unit", "intake", "--keys", dir, "--to", to}, &out, &errs))
	require.Regexp(t, `(?m)^intake +2 leaves, 0 new, cosigned .*Z$`, out.String())
	require.Regexp(t, `(?m)^intake +history_differs +size 2: `, out.String())

	for name, args := range map[string][]string{
		"has none of hub":    {"--unit", "hub"},
		"not reached":        {"--rest", "http://127.0.0.1:1"},
		"holds no certifica": {"--time-stamp-roots", filepath.Join(dir, "intake.vkey")},
	} {
		code, _, said = look(args...)
		require.Equal(t, ExitUsage, code, "%s: %s", name, said)
		require.Contains(t, said, "could not look")
		require.Contains(t, said, name)
	}
	keysDir = to
	code, _, said = look()
	require.Equal(t, ExitUsage, code, said)
	require.Contains(t, said, "no file <unit>.vkey")
}

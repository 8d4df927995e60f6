package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/witness"
)

// written is what a program that runs has written.
type written struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

func (w *written) lines() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Split(strings.TrimSpace(w.text.String()), "\n")
}

// startWitness runs naru witness until stop is called, which returns its exit code.
func startWitness(t *testing.T, args ...string) (client *witness.Client, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs written
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, append([]string{"witness", "--listen", "127.0.0.1:0", "--timeout", "1ns"}, args...), &out, &errs)
	}()
	await.Require(t, 10*time.Second, func() bool { return len(out.lines()) == 2 })
	address, _, _ := strings.Cut(strings.TrimPrefix(out.lines()[1], "listens at "), ",")
	client, err := witness.Config{Name: "neighbour", URL: "http://" + address, Key: out.lines()[0]}.Client()
	require.NoError(t, err)
	return client, func() int {
		cancel()
		return <-code
	}
}

// naru witness cosigns the logs whose keys it was given as long as they only grow, over its own restarts, until it is
// interrupted.
func TestWitness(t *testing.T) {
	t.Parallel()
	l := newPublicLog(t)
	keysDir, folder := t.TempDir(), filepath.Join(t.TempDir(), "witness")
	require.NoError(t, os.WriteFile(filepath.Join(keysDir, "intake.vkey"), []byte(l.key.Public+"\n"+l.key.PublicCosigner+"\n"), 0o600))
	args := []string{"--name", "witness.example/naru", "--keys", keysDir, "--folder", folder}
	client, stop := startWitness(t, args...)
	l.show("a")
	cosigned, _, err := client.AddCheckpoint(t.Context(), 0, nil, l.files["checkpoint"])
	require.NoError(t, err)
	require.Contains(t, cosigned, "naru/naru-01-test/intake/1\n1\n")
	require.Contains(t, cosigned, "— witness.example/naru ")
	var out, errs bytes.Buffer
	require.Equal(t, ExitFailed, Main(t.Context(), append([]string{"witness", "--listen", "127.0.0.1:0"}, args...), &out, &errs), "one process works in a folder")
	require.Contains(t, errs.String(), "held by process")
	require.Equal(t, ExitOK, stop())

	again, stop := startWitness(t, args...)
	require.Equal(t, client.Verifier().KeyHash(), again.Verifier().KeyHash(), "it keeps its key")
	l.show("a", "c")
	_, stands, err := again.AddCheckpoint(t.Context(), 0, nil, l.files["checkpoint"])
	require.NoError(t, err)
	require.EqualValues(t, 1, stands)
	cosigned, _, err = again.AddCheckpoint(t.Context(), 1, tlog.TreeProof{tlog.RecordHash([]byte("c"))}, l.files["checkpoint"])
	require.NoError(t, err)
	require.NotEmpty(t, cosigned)
	l.show("a", "b")
	_, _, err = again.AddCheckpoint(t.Context(), 2, nil, l.files["checkpoint"])
	require.ErrorIs(t, err, witness.ErrNotExtended)
	require.Equal(t, ExitOK, stop())

	reopened, stop := startWitness(t, append(args, "--generation", "intake=2")...)
	_, _, err = reopened.AddCheckpoint(t.Context(), 2, nil, l.files["checkpoint"])
	require.ErrorContains(t, err, "does not witness this log")
	require.Equal(t, ExitOK, stop())

	var none, said bytes.Buffer
	require.NotEqual(t, ExitOK, Main(t.Context(), []string{"witness", "--name", "x", "--keys", t.TempDir(), "--folder", folder}, &none, &said))
	require.Contains(t, said.String(), "no file <unit>")
	for name, more := range map[string][]string{
		"counts from 1":   {"--generation", "intake=0"},
		"names hub":       {"--generation", "hub=2"},
		"belong together": {"--certificate", filepath.Join(keysDir, "intake.vkey")},
		"is the key of":   {"--name", "another.example"},
		"listen":          {"--listen", "127.0.0.1:none"},
		"read the certif": {"--certificate", filepath.Join(keysDir, "intake.vkey"), "--key", filepath.Join(keysDir, "intake.vkey")},
	} {
		var out, errs bytes.Buffer
		ended, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		code := Main(ended, append(append([]string{"witness", "--listen", "127.0.0.1:0"}, args...), more...), &out, &errs)
		cancel()
		require.NotEqual(t, ExitOK, code, name)
		require.Contains(t, errs.String(), name)
	}
}

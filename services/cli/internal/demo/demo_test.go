package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	outcome "github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/golden"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli/internal/proof"
)

// The last line of a demo has exactly these members.
func TestResultLine(t *testing.T) {
	t.Parallel()
	checks := proof.Checks{Signature: outcome.Passed, Chain: outcome.Passed, Validity: outcome.Passed, Hash: outcome.Passed, EdocNum: outcome.Passed}
	line, err := (&Result{
		EdocNum: "20260302_NARU000001_0000000000042", DocumentHash: strings.Repeat("ab", 32), RecipientAddress: "r-1",
		AcceptedAt: "2026-03-02T01:02:03.000001Z", SentAt: "2026-03-02T01:02:03.000002Z", ReceivedAt: "2026-03-02T01:02:03.000003Z",
		ReadAt: "2026-03-02T01:02:03.000004Z", HubRegistered: true, CertNum: "2026-0302-0000-0001",
		CertificateFile: "/tmp/naru-demo/20260302_NARU000001_0000000000042.pdf", BundleFile: "/tmp/naru-demo/20260302_NARU000001_0000000000042.asice", TrustFolder: "/tmp/naru-demo/20260302_NARU000001_0000000000042.trust", Checks: checks, Verified: len(checks.Unaccepted(nil)) == 0,
		TraceID: strings.Repeat("c", 32),
	}).Line()
	require.NoError(t, err)
	require.NotContains(t, line, "\n")
	golden.Equal(t, []byte(line+"\n"), "result.json")
	for name, one := range map[string]*outcome.Outcome{
		"signature": &checks.Signature, "chain": &checks.Chain, "validity": &checks.Validity, "hash": &checks.Hash, "edoc_num": &checks.EdocNum,
	} {
		for _, bad := range []outcome.Outcome{outcome.NotPassed, outcome.NotCheckable} {
			*one = bad
			require.Equal(t, []string{name}, checks.Unaccepted(nil))
		}
		*one = outcome.Passed
	}
}

// What would end the demo halfway is found before it begins.
func TestCheckDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, size int64, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		if size > 0 {
			require.NoError(t, os.Truncate(path, size))
		}
		return path
	}
	const most = 32 << 20
	for _, good := range []string{
		"", write("whole.pdf", 0, "%PDF-1.7\n"), write(`it's "$HOME" 나루.pdf`, 0, "%PDF-1.4"), write("largest.pdf", most, "%PDF-2.0"),
		write("late.pdf", 0, strings.Repeat(" ", 1000)+"%PDF-1.7"),
	} {
		require.NoError(t, CheckDocument(good))
	}
	for path, want := range map[string]string{
		dir:                                   "is no file",
		filepath.Join(dir, "none.pdf"):        "no such file",
		write("empty.pdf", 0, ""):             "is empty",
		write("large.pdf", most+1, "%PDF-1"):  "takes at most 33554432",
		write("text.pdf", 0, "a text"):        "is no PDF",
		write("later.pdf", 5000, "no header"): "is no PDF",
	} {
		require.ErrorContains(t, CheckDocument(path), want)
	}
}

// A later demo, whose document has the same number, replaces nothing of an earlier one.
func TestFilesOfRunsAreApart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, want := range []string{"n", "n-2", "n-3"} {
		certificate, document, err := apart(dir, "n")
		require.NoError(t, err)
		require.Equal(t, filepath.Join(dir, want+".certificate.pdf"), certificate)
		require.Equal(t, filepath.Join(dir, want+".document.pdf"), document)
		one := certificate
		if want == "n-2" {
			one = document
		}
		require.NoError(t, os.WriteFile(one, nil, 0o600))
	}
	_, _, err := apart(filepath.Join(dir, "n.certificate.pdf"), "n")
	require.Error(t, err)
}

// fakeNarud writes a program that behaves like narud towards the demo. term is what it does when asked to stop.
func fakeNarud(t *testing.T, start, term string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "narud")
	script := fmt.Sprintf("#!/bin/sh\necho $$ > \"$2/pid\"\necho 'a word of narud' >&2\ntrap '%s' TERM\n%s\nwhile :; do sleep 0.02; done\n", term, start)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o700)) //nolint:gosec // a program
	return path
}

func announce(ops string) string {
	return fmt.Sprintf(`echo '{"rest":"http://127.0.0.1:1","ops":"%s"}' > "$2/new" && mv "$2/new" "$2/naru.json"`, ops)
}

func alive(t *testing.T, dir string) bool {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "pid"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	require.NoError(t, err)
	return !errors.Is(syscall.Kill(-pid, 0), syscall.ESRCH)
}

// A child is ready when its endpoint file exists and /readyz answers 200, and has ended after it was asked to stop.
func TestChild(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	ops := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" || asked.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(ops.Close)
	dir := t.TempDir()
	c, err := startChild(fakeNarud(t, announce(ops.URL), "exit 0"), dir)
	require.NoError(t, err)
	e, err := c.ready(t.Context(), ops.Client())
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:1", e.REST)
	require.EqualValues(t, 3, asked.Load())
	require.True(t, alive(t, dir))
	require.NoError(t, c.stop(t.Context()))
	require.False(t, alive(t, dir))
	require.Equal(t, []string{"a word of narud"}, c.lastWords())
	require.NoError(t, c.stop(t.Context()), "stopping twice is stopping once")
}

// A child that ends by itself is noticed at once; a bad exit is reported.
func TestChildEndsByItself(t *testing.T) {
	t.Parallel()
	c, err := startChild(fakeNarud(t, "exit 3", "exit 0"), t.TempDir())
	require.NoError(t, err)
	_, err = c.ready(t.Context(), http.DefaultClient)
	require.ErrorContains(t, err, "exit status 3")

	ops := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(ops.Close)
	dir := t.TempDir()
	c, err = startChild(fakeNarud(t, announce(ops.URL), "exit 4"), dir)
	require.NoError(t, err)
	_, err = c.ready(t.Context(), ops.Client())
	require.NoError(t, err)
	require.ErrorContains(t, c.stop(t.Context()), "exit status 4")
	require.False(t, alive(t, dir))
}

// A run that ends early leaves nothing behind, whatever ended it.
func TestRunCleansUp(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ops := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(ops.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	narud := fakeNarud(t, announce(ops.URL), "exit 0")
	var steps, notes bytes.Buffer
	ended := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Options{
			Narud: narud, Out: filepath.Join(temp, "out"), Clock: clock.System(), Steps: &steps, Notes: &notes,
		})
		ended <- err
	}()
	var dir string
	await.Require(t, 10*time.Second, func() bool {
		found, err := filepath.Glob(filepath.Join(temp, "naru-demo-*", endpoints.FileName))
		if err == nil && len(found) == 1 {
			dir = filepath.Dir(found[0])
		}
		return dir != ""
	})
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	require.NoError(t, err)
	cancel()
	err = <-ended
	require.ErrorIs(t, err, context.Canceled)
	var step *StepError
	require.ErrorAs(t, err, &step)
	require.Equal(t, "준비 나루 기동", step.Step)
	require.NoDirExists(t, dir)
	require.Contains(t, notes.String(), "a word of narud")
	require.Empty(t, steps.String())
	id, err := strconv.Atoi(strings.TrimSpace(string(pid)))
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Kill(-id, 0), syscall.ESRCH)
}

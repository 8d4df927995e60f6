package cli

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
)

// A bundle is verified with no relay and nobody asked; the checks that failed are named.
func TestVerify(t *testing.T) {
	t.Parallel()
	const vectors, at = "../../e2e/vectors/", "2026-03-03T12:00:00+09:00"
	f := newRelay(t, nil)
	good, err := os.ReadFile(vectors + "good/submission.asice")
	require.NoError(t, err)
	changed := []byte(string(good))
	changed[len(changed)/2] ^= 1
	f.write(t, "changed.asice", string(changed))
	f.write(t, "other.pdf", "another")
	verify := func(args ...string) (int, string, string) {
		return runWith(t, nil, append([]string{"verify", "--trust", vectors + "trust", "--at", at}, args...)...)
	}
	code, stdout, stderr := verify(vectors+"good/submission.asice", "--document", vectors+"good/document.pdf")
	require.Equal(t, ExitOK, code, stderr)
	require.Contains(t, stdout, "presented.document")

	code, stdout, _ = verify(f.path("changed.asice"))
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stdout, "container.contents")

	code, stdout, _ = verify(vectors+"good/submission.asice", "--document", f.path("other.pdf"), "--json")
	require.Equal(t, ExitFailed, code)
	var report bundle.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &report))
	require.Equal(t, []string{bundle.CheckPresentedDocument}, report.Failed())

	for want, args := range map[string][]string{
		"--at wants":       {"verify", f.path("other.pdf"), "--trust", vectors + "trust", "--at", "yesterday"},
		"nobody to trust":  {"verify", f.path("other.pdf"), "--endpoints", f.path("none.json")},
		"no such file":     {"verify", f.path("none.asice"), "--trust", vectors + "trust"},
		bundle.TrustFile:   {"verify", f.path("other.pdf"), "--trust", f.dir},
		"--document: stat": {"verify", f.path("other.pdf"), "--trust", vectors + "trust", "--document", f.path("none.pdf")},
	} {
		code, _, stderr := runWith(t, nil, args...)
		require.Equal(t, ExitUsage, code, "%s: %s", want, stderr)
		require.Contains(t, stderr, want)
	}
}

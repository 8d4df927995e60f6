package bundle_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/asic"
	"github.com/naru-relay/naru/pkg/bundle"
)

const vectors = "../../e2e/vectors/"

var at = time.Date(2026, 3, 3, 3, 0, 0, 0, time.UTC)

func read(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(vectors, path))
	require.NoError(t, err)
	return content
}

func trust(t testing.TB) *bundle.Trust {
	t.Helper()
	trust, err := bundle.LoadTrust(vectors + "trust")
	require.NoError(t, err)
	return trust
}

func statementOf(t testing.TB, container []byte) []byte {
	t.Helper()
	c, err := asic.Open(bytes.NewReader(container), int64(len(container)))
	require.NoError(t, err)
	raw, err := c.Read("bundle.json", 1<<20)
	require.NoError(t, err)
	return raw
}

// Each check is told once, in the order of the definitions, whatever was given; nothing that is no bundle is valid.
func TestEveryCheckIsTold(t *testing.T) {
	t.Parallel()
	good := read(t, "good/submission.asice")
	for name, content := range map[string][]byte{
		"good": good, "empty": nil, "a PDF": read(t, "good/document.pdf"), "cut off": good[:len(good)/2], "an archive with no files": []byte("PK\x05\x06" + strings.Repeat("\x00", 18)),
	} {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trust(t), At: at})
		require.NoError(t, err, name)
		require.Equal(t, name == "good", report.Valid, name)
		var told, defined []string
		for _, c := range report.Checks {
			told = append(told, c.ID)
		}
		for _, d := range bundle.Definitions() {
			defined = append(defined, d.ID)
			require.NotEmpty(t, d.Korean, d.ID)
			require.NotEmpty(t, d.English, d.ID)
		}
		require.Equal(t, defined, told, name)
	}
}

// The page for those who are given bundles lists the checks as they are.
func TestDocumentedChecks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/bundle.md")
	require.NoError(t, err)
	var table strings.Builder
	table.WriteString("<!-- checks -->\n| id | step | optional | what it means that it passed |\n|---|---|---|---|\n")
	for _, d := range bundle.Definitions() {
		optional := map[bool]string{true: "yes"}[d.Optional]
		fmt.Fprintf(&table, "| `%s` | %d | %s | %s |\n", d.ID, d.Step, optional, d.English)
	}
	require.Contains(t, string(page), table.String()+"<!-- /checks -->")
}

// A verifier that trusts nobody does not judge.
func TestNobodyTrusted(t *testing.T) {
	t.Parallel()
	for _, opts := range []bundle.Options{{At: at}, {At: at, Trust: &bundle.Trust{}}, {Trust: trust(t)}} {
		_, err := bundle.Verify(t.Context(), bytes.NewReader(nil), 0, opts)
		require.ErrorContains(t, err, "are required")
	}
	_, err := bundle.LoadTrust(t.TempDir())
	require.ErrorContains(t, err, bundle.TrustFile)
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, bundle.TrustFile), []byte("assemblers: {}\n"), 0o600))
	_, err = bundle.LoadTrust(folder)
	for _, missing := range []string{"assemblers.roots", "time_stamps.roots", "hub.", "archives."} {
		require.ErrorContains(t, err, missing, "every problem is told")
	}
}

// A statement says only what has a meaning, in one spelling.
func TestStatement(t *testing.T) {
	t.Parallel()
	good := string(statementOf(t, read(t, "good/submission.asice")))
	s, err := bundle.DecodeStatement([]byte(good))
	require.NoError(t, err)
	again, err := s.Encode()
	require.NoError(t, err)
	require.Equal(t, good, string(again))
	for name, change := range map[string][2]string{
		"format":              {`"naru-bundle/1"`, `"naru-bundle/2"`},
		"serial":              {`"serial":"`, `"serial":"x`},
		"form":                {`"submission"`, `"other"`},
		"form with more":      {`"submission"`, `"evidence"`},
		"white space":         {`{`, `{ `},
		"unknown field":       {`{"format"`, `{"note":"x","format"`},
		"algorithm":           {`"SHA-256"`, `"SHA-1"`},
		"time zone":           {`Z"`, `+00:00"`},
		"place of a part":     {`certificates/original.p7m`, `certificates/other.p7m`},
		"attachment unlisted": {`document/attachment01.`, `document/attachment09.`},
		"no attachment":       {`document/attachment01.`, `document/attachment00.`},
		"role":                {`"role":"document"`, `"role":"note"`},
	} {
		changed := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, changed, name)
		_, err := bundle.DecodeStatement([]byte(changed))
		require.Error(t, err, name)
	}
}

func FuzzDecodeStatement(f *testing.F) {
	for _, path := range []string{"good/submission.asice", "good/not_read.asice", "good/without_attachments.asice"} {
		f.Add(statementOf(f, read(f, path)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := bundle.DecodeStatement(raw)
		if err != nil {
			return
		}
		again, err := s.Encode()
		require.NoError(t, err)
		require.Equal(t, raw, again)
	})
}

// FuzzVerify changes a whole bundle: whatever comes in, all checks are told, and only the original is valid.
func FuzzVerify(f *testing.F) {
	good, trusted := read(f, "good/without_attachments.asice"), trust(f)
	f.Add(good)
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, content []byte) {
		report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: trusted, At: at})
		require.NoError(t, err)
		require.Len(t, report.Checks, len(bundle.Definitions()))
		require.Equal(t, bytes.Equal(good, content), report.Valid)
	})
}

package bundle_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/proof"
)

func judge(t testing.TB, content []byte, opts bundle.Options) *bundle.Report {
	t.Helper()
	report, err := bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), opts)
	require.NoError(t, err)
	return report
}

// A receipt says what it states, and what cannot be held against it is told as such.
func TestReceiptAlone(t *testing.T) {
	t.Parallel()
	report := judge(t, read(t, "good/receipt_of_batch.txt"), bundle.Options{Trust: trust(t), At: at})
	require.True(t, report.Valid, "%+v", report.Checks)
	require.Equal(t, bundle.KindReceipt, report.Kind)
	require.Nil(t, report.Bundle)
	require.Equal(t, []string{"시험용 중계자", "20260302_NARU000001_0000000000003", "own-3", "2026-03-02T01:10:00.123456Z"},
		[]string{report.Receipt.Relay, report.Receipt.EdocNum, report.Receipt.OwnKey, report.Receipt.AcceptedAt})
	require.Equal(t, proof.NotCheckable, report.Check(bundle.CheckReceiptDocument).Outcome)
	held := judge(t, read(t, "good/receipt_of_batch.txt"), bundle.Options{Trust: trust(t), At: at, Document: report.Receipt.DocumentHash.Value, Attachments: []string{hashOf(nil)}})
	require.True(t, held.Valid)
	require.Equal(t, proof.Passed, held.Check(bundle.CheckReceiptDocument).Outcome)
	require.Equal(t, "a receipt names no attachments", held.Check(bundle.CheckPresentedAttachments).Detail)
	forged := judge(t, read(t, "bad/receipt_claims_byte.txt"), bundle.Options{Trust: trust(t), At: at})
	require.Equal(t, "20260302_NARU000001_0000000000002", forged.Receipt.EdocNum, "what it says is told, and worth what the checks say")
	unknown := judge(t, read(t, "bad/receipt_key_unknown.txt"), bundle.Options{Trust: trust(t), At: at})
	require.Empty(t, unknown.Receipt.Relay)
	require.Equal(t, proof.NotCheckable, unknown.Check(bundle.CheckReceiptSignature).Outcome, "nobody knows by which key")
}

// No text in which a byte was changed is accepted.
func TestChangedTexts(t *testing.T) {
	t.Parallel()
	trusted := trust(t)
	for _, file := range []string{"good/receipt.txt", "good/receipt_of_batch.txt", "good/receipt_line.txt", "good/viewing_log_empty.txt", "good/viewing_log_line.txt"} {
		good := read(t, file)
		require.True(t, judge(t, good, bundle.Options{Trust: trusted, At: at}).Valid, file)
		for i := range good {
			changed := bytes.Clone(good)
			changed[i] ^= 1 << (i % 7)
			report := judge(t, changed, bundle.Options{Trust: trusted, At: at})
			require.False(t, report.Valid, "%s: byte %d", file, i)
			require.NotEmpty(t, report.Failed(), "%s: byte %d", file, i)
			if good[i] != '\n' && good[i] != '\r' {
				require.False(t, judge(t, good[:i], bundle.Options{Trust: trusted, At: at}).Valid, "%s: cut at %d", file, i)
			}
		}
	}
}

// The keys of a relay have to be there, and to be what they say.
func TestKeysOfRelays(t *testing.T) {
	t.Parallel()
	keySet := string(read(t, "trust/relay-keys.json"))
	load := func(settings, keys string) (*bundle.Trust, error) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, bundle.TrustFile), []byte(settings), 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(folder, "keys.json"), []byte(keys), 0o600))
		return bundle.LoadTrust(folder)
	}
	const relay = "relays: [{name: 나루, keys: [keys.json]}]\n"
	alone, err := load(relay, keySet)
	require.NoError(t, err)
	require.True(t, judge(t, read(t, "good/receipt.txt"), bundle.Options{Trust: alone, At: at}).Valid, "relays may be all that is trusted")
	content := read(t, "good/submission.asice")
	_, err = bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: alone, At: at})
	require.ErrorIs(t, err, bundle.ErrNobodyTrusted)
	noRelay := *trust(t)
	noRelay.Relays = nil
	content = read(t, "good/receipt.txt")
	_, err = bundle.Verify(t.Context(), bytes.NewReader(content), int64(len(content)), bundle.Options{Trust: &noRelay, At: at})
	require.ErrorIs(t, err, bundle.ErrNobodyTrusted)
	for name, tc := range map[string]struct{ settings, keys, want string }{
		"no name":        {"relays: [{keys: [keys.json]}]\n", keySet, "relays[0].name"},
		"no keys":        {"relays: [{name: 나루}]\n", keySet, "relays[0].keys"},
		"no end":         {"relays: [{name: 나루, keys: [keys.json], ended: [{key: k}]}]\n", keySet, "relays[0].ended[0]"},
		"no file":        {"relays: [{name: 나루, keys: [others.json]}]\n", keySet, "no such file"},
		"too large":      {relay, strings.Repeat(" ", 64<<10) + keySet, "too large"},
		"no key set":     {relay, "x", "not a JSON Web Key Set"},
		"of sessions":    {relay, strings.NewReplacer(`"receipt"`, `"x"`, `"viewing-log"`, `"y"`).Replace(keySet), "no file holds a key for receipts"},
		"no thumbprint":  {relay, strings.Replace(keySet, `"kid":"`, `"kid":"x`, 1), "not its thumbprint"},
		"and an archive": {relay + "archives: {issuers: [{name: a}]}\n", keySet, "assemblers.roots"},
	} {
		_, err := load(tc.settings, tc.keys)
		require.ErrorContains(t, err, tc.want, name)
	}
}

// FuzzVerifyText changes texts: whatever comes in, all checks are told, and only what was signed is valid, with or without the
// line end after it.
func FuzzVerifyText(f *testing.F) {
	trusted, good := trust(f), map[string]bool{}
	for _, pattern := range []string{"good/*.txt", "bad/*.txt"} {
		files, err := filepath.Glob(vectors + pattern)
		require.NoError(f, err)
		require.NotEmpty(f, files)
		for _, file := range files {
			content, err := os.ReadFile(file)
			require.NoError(f, err)
			f.Add(string(content))
			// What was signed may be wrong beside another document alone.
			if judge(f, content, bundle.Options{Trust: trusted, At: at}).Valid {
				signed := strings.TrimSpace(string(content))
				good[signed], good[signed+"\n"], good[signed+"\r\n"] = true, true, true
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, "eyJ") {
			return // no text of a relay
		}
		report := judge(t, []byte(text), bundle.Options{Trust: trusted, At: at})
		require.Len(t, report.Checks, len(bundle.DefinitionsOf(report.Kind)))
		require.Equal(t, good[text], report.Valid)
	})
}

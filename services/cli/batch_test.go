package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/receipt"
)

const (
	batchCall = "POST /v1/documents:batch"
	limitsOf2 = `{"batchItems":2,"batchBytes":"16777216"}`
	batchTime = "2026-03-02T01:02:03.000450Z"
)

var batchHash = strings.Repeat("ab", 32)

// item is a line that the relay would take.
func item(key string) string {
	return fmt.Sprintf(`{"ownKey":%q,"title":"안내문","documentHash":{"algorithm":"SHA-256","value":%q},"registrationCertificate":"REVS"}`, key, batchHash)
}

// taken is the outcome of an item that was accepted, in one tree with nobody, and the key set of its receipt.
func taken(t *testing.T, index int, key, edocNum string, duplicate bool) (outcome, keySet string) {
	t.Helper()
	text, keySet := receiptBy(t, receipt.Claims{
		EdocNum: edocNum, DocumentHash: receipt.Digest{Algorithm: "SHA-256", Value: batchHash},
		RegistrationCertificateDigest: archivecert.Digest([]byte("DER")), AcceptedAt: batchTime, OwnKey: key, Sender: "s",
	})
	return fmt.Sprintf(`{"index":%d,"accepted":{"ownKey":%q,"edocNum":%q,"receipt":%q,"acceptedAt":%q,"duplicate":%t}}`, index, key, edocNum, text, batchTime, duplicate), keySet
}

// outcomes reads the file that a batch wrote.
func (f *fakeRelay) outcomes(t *testing.T, name string) []batchOutcome {
	t.Helper()
	raw, err := os.ReadFile(f.path(name))
	require.NoError(t, err)
	var all []batchOutcome
	for line := range strings.Lines(string(raw)) {
		var o batchOutcome
		require.NoError(t, json.Unmarshal([]byte(line), &o))
		all = append(all, o)
	}
	return all
}

// Each line has its outcome under its number: what the relay took, what it refused, and what is no item and hinders no other.
// Calls hold no more items than the relay's limits say.
func TestBatch(t *testing.T) {
	t.Parallel()
	first, keySet := taken(t, 0, "k-1", number, false)
	const refused = `{"index":1,"refused":{"ownKey":"k-2","reason":"INVALID_ITEM","message":"not as it must be","violations":[{"field":"items[1].title","message":"is empty"}]}}`
	const conflict = `{"index":0,"refused":{"ownKey":"k-3","reason":"OWN_KEY_CONFLICT","message":"another document","existingEdocNum":"` + other + `"}}`
	f := newRelay(t, map[string][]string{
		"GET /v1/limits": {limitsOf2}, "GET " + receipt.KeySetPath: {keySet},
		batchCall: {`{"outcomes":[` + first + `,` + refused + `]}`, `{"outcomes":[` + conflict + `]}`},
	})
	f.write(t, "items.jsonl", strings.Join([]string{item("k-1"), "", "{no JSON 비밀", item("k-2"), `{"title":"without a key"}`, `{"ownKey":"k","colour":1}`, item("k-3")}, "\n"))
	code, stdout, stderr := f.run(t, "batch", f.path("items.jsonl"), "--out", f.path("out.jsonl"))
	require.Equal(t, ExitFailed, code)
	require.Equal(t, "6 items: 1 accepted (0 of them before), 5 refused; outcomes in "+f.path("out.jsonl")+"\n", stdout)
	require.Equal(t, "naru: 5 items were refused\n", stderr)

	byLine := map[int]batchOutcome{}
	for _, o := range f.outcomes(t, "out.jsonl") {
		byLine[o.Line] = o
	}
	require.Len(t, byLine, 6)
	require.Equal(t, number, byLine[1].EdocNum)
	require.Equal(t, batchTime, byLine[1].AcceptedAt)
	require.NotEmpty(t, byLine[1].Receipt)
	require.Equal(t, "LINE_NOT_AN_ITEM", byLine[3].Reason)
	require.Equal(t, []batchViolation{{Field: "title", Message: "is empty"}}, byLine[4].Violations)
	require.Equal(t, "OWN_KEY_MISSING", byLine[5].Reason)
	require.Equal(t, "LINE_NOT_AN_ITEM", byLine[6].Reason)
	require.Equal(t, batchOutcome{Line: 7, OwnKey: "k-3", EdocNum: other, Reason: "OWN_KEY_CONFLICT", Message: "another document"}, byLine[7])
	written, err := os.ReadFile(f.path("out.jsonl"))
	require.NoError(t, err)
	require.NotContains(t, string(written), "비밀", "what stands in a bad line is not repeated")

	require.Len(t, f.bodies[batchCall], 2)
	var call struct{ Items []struct{ OwnKey string } }
	require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(f.bodies[batchCall][0], "Bearer sender ")), &call))
	require.Len(t, call.Items, 2)
	require.Equal(t, "k-2", call.Items[1].OwnKey)
}

// A repeat is told as one; a file of outcomes is not overwritten unasked; a batch that breaks off says what is written.
func TestBatchIsRepeated(t *testing.T) {
	t.Parallel()
	again, keySet := taken(t, 0, "k-1", number, true)
	f := newRelay(t, map[string][]string{
		"GET /v1/limits": {limitsOf2}, "GET " + receipt.KeySetPath: {keySet}, batchCall: {`{"outcomes":[` + again + `]}`},
	})
	f.write(t, "items.jsonl", item("k-1")+"\n")
	args := []string{"batch", f.path("items.jsonl"), "--out", f.path("out.jsonl"), "--json"}
	code, stdout, stderr := f.run(t, args...)
	require.Equal(t, ExitOK, code, stderr)
	require.JSONEq(t, fmt.Sprintf(`{"items":1,"accepted":1,"repeated":1,"refused":0,"file":%q}`, f.path("out.jsonl")), stdout)
	require.True(t, f.outcomes(t, "out.jsonl")[0].Duplicate)

	code, _, stderr = f.run(t, args...)
	require.Equal(t, ExitFailed, code)
	require.Contains(t, stderr, "file exists")
	require.Len(t, f.bodies[batchCall], 1)

	f.write(t, "items.jsonl", item("k-1")+"\n"+item("k-2")+"\n")
	f.answers[batchCall] = []string{`{"outcomes":[` + again + `,` + strings.Replace(again, `"index":0`, `"index":1`, 1) + `]}`}
	code, _, stderr = f.run(t, append(args, "--overwrite")...)
	require.Equal(t, ExitFailed, code, "the second receipt is that of another key")
	require.Contains(t, stderr, "line 2")
	require.Contains(t, stderr, "1 outcomes are in")
}

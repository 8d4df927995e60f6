package pades_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pades"
	"github.com/naru-relay/naru/pkg/proof"
)

// Every check has an id of its own and says in both languages what it means; reports have them all, in this order.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	opts := by(w.seller)
	opts.Stamp, opts.Certify = stampAt(t, w.stamper, at), true
	add := w.validation(t)
	add.Stamp = opts.Stamp
	report := w.verify(t, extend(t, sign(t, simple(), opts), add))
	made := report.Checks
	for _, s := range report.Signatures {
		made = append(made, s.Checks...)
	}
	definitions := pades.Definitions()
	require.Len(t, made, len(definitions))
	seen := map[string]bool{}
	for i, d := range definitions {
		require.Equal(t, d.ID, made[i].ID)
		require.Equal(t, proof.Passed, made[i].Outcome, d.ID)
		require.False(t, seen[d.ID], d.ID)
		require.NotEmpty(t, d.Korean, d.ID)
		require.NotEmpty(t, d.English, d.ID)
		seen[d.ID] = true
	}
}

// A report is JSON with the words of outcomes, and without certificates.
func TestReportAsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := json.Marshal(w.verify(t, sign(t, simple(), by(w.seller))))
	require.NoError(t, err)
	var read struct {
		Kind       string `json:"kind"`
		Valid      bool   `json:"valid"`
		Signatures []struct {
			Kind      string `json:"kind"`
			Level     string `json:"level"`
			ClaimedAt string `json:"claimedAt"`
			Checks    []struct{ ID, Outcome, Detail string }
		} `json:"signatures"`
	}
	require.NoError(t, json.Unmarshal(text, &read))
	require.Equal(t, "pdf", read.Kind)
	require.True(t, read.Valid)
	require.Equal(t, "B-B", read.Signatures[0].Level)
	require.Equal(t, "2026-03-02T01:02:03Z", read.Signatures[0].ClaimedAt)
	require.Equal(t, "passed", read.Signatures[0].Checks[0].Outcome)
	require.Equal(t, "not checkable", read.Signatures[0].Checks[len(read.Signatures[0].Checks)-1].Outcome)
	require.NotContains(t, string(text), "ertificate\"")
}

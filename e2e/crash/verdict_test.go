package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/audit"
)

func TestVerdictOfNothing(t *testing.T) {
	t.Parallel()
	v := &verdict{}
	require.Equal(t, "0 lost, 0 doubled, 0 out of order", v.String())
	require.True(t, v.clean())
}

// Whatever naru audit finds is counted, under one of the three.
func TestVerdictCountsEverythingTheAuditFinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{
		audit.RowMissing: "1 lost, 0 doubled, 0 out of order", audit.FrameNotConsumed: "1 lost, 0 doubled, 0 out of order",
		audit.RowDiffers: "1 lost, 0 doubled, 0 out of order", audit.DocumentTwice: "0 lost, 1 doubled, 0 out of order",
		audit.FactTwice: "0 lost, 1 doubled, 0 out of order", audit.TimesDisordered: "0 lost, 0 doubled, 1 out of order",
		"a code of tomorrow": "1 lost, 0 doubled, 0 out of order",
	} {
		v := &verdict{}
		v.add([]audit.Violation{{Code: code}})
		require.Equal(t, want, v.String(), code)
		require.False(t, v.clean())
	}
}

func TestVerdictOnNumbersAndTimes(t *testing.T) {
	t.Parallel()
	v := &verdict{}
	v.numbers([]*promise{{key: "a", number: "1"}, {key: "b", number: "2"}, {key: "c", number: "1"}})
	require.Equal(t, "0 lost, 1 doubled, 0 out of order", v.String())
	v = &verdict{}
	v.order("1", "times", time.RFC3339Nano, "2026-03-02T00:00:00.1Z", "", "2026-03-02T00:00:00.1Z", "2026-03-02T00:00:00.25Z")
	require.True(t, v.clean())
	v.order("1", "times", time.RFC3339Nano, "2026-03-02T00:00:00.25Z", "2026-03-02T00:00:00.1Z")
	v.order("1", "times", time.RFC3339Nano, "no time")
	require.Equal(t, "0 lost, 0 doubled, 2 out of order", v.String())
}

// A request is issued once: none, twice and what nobody was told of are found. A bundle holds a certificate.
func TestVerdictOnWhatWasIssued(t *testing.T) {
	t.Parallel()
	proofs := []*proof{{id: "c"}, {id: "b", bundle: true}}
	for name, c := range map[string]struct {
		found issues
		want  string
	}{
		"each once":                  {issues{map[string]int{"c": 1, "b": 1}, map[string]int{"b": 1}}, "0 lost, 0 doubled, 0 out of order"},
		"none":                       {issues{map[string]int{}, map[string]int{}}, "3 lost, 0 doubled, 0 out of order"},
		"twice":                      {issues{map[string]int{"c": 2, "b": 1}, map[string]int{"b": 3}}, "0 lost, 2 doubled, 0 out of order"},
		"a bundle without its party": {issues{map[string]int{"c": 1, "b": 1, "x": 1}, map[string]int{"b": 1, "x": 1}}, "0 lost, 2 doubled, 0 out of order"},
		"a bundle of no certificate": {issues{map[string]int{"c": 1}, map[string]int{"b": 1}}, "1 lost, 0 doubled, 0 out of order"},
	} {
		v := &verdict{}
		v.issued(proofs, c.found)
		require.Equal(t, c.want, v.String(), name)
	}
	certificates, bundles := counted(proofs)
	require.Equal(t, []int{1, 1}, []int{certificates, bundles})
}

func TestComplete(t *testing.T) {
	t.Parallel()
	received := harness.Status{State: "DOCUMENT_STATE_RECEIVED"}
	require.False(t, (&promise{}).complete(received), "not at the hub")
	received.Hub.RegistrationResult = 2
	require.True(t, (&promise{}).complete(received))
	require.False(t, (&promise{viewed: true}).complete(received), "its reading is lost")
	read := received
	read.State = "DOCUMENT_STATE_READ"
	require.False(t, (&promise{viewed: true}).complete(read), "the hub was not told of the reading")
	read.Hub.ReadTimeResult = 1
	require.True(t, (&promise{viewed: true}).complete(read))
}

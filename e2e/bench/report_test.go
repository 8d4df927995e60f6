package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		values []float64
		want   spread
	}{
		{"odd", []float64{30, 10, 20}, spread{Min: 10, Median: 20, Max: 30}},
		{"even", []float64{40, 10, 20, 30}, spread{Min: 10, Median: 25, Max: 40}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, spreadOf(tt.values))
		})
	}
}

// One document missing anywhere, in any round, spoils the whole run.
func TestCountsMustAgree(t *testing.T) {
	t.Parallel()
	whole := counts{Sent: 5, Accepted: 5, Inbox: 5, Hub: 5, Status: 5, Equal: true}
	for _, tt := range []struct {
		name  string
		spoil func(r *report)
		equal bool
	}{
		{"all agree", func(*report) {}, true},
		{"not accepted", func(r *report) { r.Chain.Rounds[0].Counts.Accepted-- }, false},
		{"not in the inbox", func(r *report) { r.Chain.Rounds[0].Counts.Inbox-- }, false},
		{"not at the hub", func(r *report) { r.Chain.Rounds[0].Counts.Hub-- }, false},
		{"twice at the hub", func(r *report) { r.Chain.Rounds[0].Counts.Hub++ }, false},
		{"not complete", func(r *report) { r.Chain.Rounds[0].Counts.Status-- }, false},
		{"differing in the warm-up", func(r *report) { r.WarmUp.Counts.Equal = false }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r report
			r.Floor.Rounds = []floorRound{{PerSecond: 1000}}
			r.Chain.Rounds, r.WarmUp.Counts = []chainRound{{floorRound: floorRound{PerSecond: 250}, Counts: whole}}, whole
			tt.spoil(&r)
			r.finish()
			require.Equal(t, tt.equal, r.Counts.Equal)
			require.InDelta(t, 0.25, r.Ratio, 1e-9)
		})
	}
}

// What rounds have in common is told beside the rest and not in a group of its own.
func TestRoundIsFlat(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(chainRound{floorRound: floorRound{PerSecond: 12}})
	require.NoError(t, err)
	var told map[string]any
	require.NoError(t, json.Unmarshal(raw, &told))
	require.InDelta(t, 12, told["documentsPerSecond"], 0)
}

// What the runtime works with is told, whoever has set it.
func TestMachineTellsTheRuntimesSettings(t *testing.T) {
	t.Parallel()
	m := readMachine()
	require.NotZero(t, m.GOGC)
	require.NotZero(t, m.GOMemLimit)
}

func TestUsageOfRound(t *testing.T) {
	t.Parallel()
	before := usage{self: 1e9, postgres: 2e9, machine: 10e9}
	after := usage{self: 2e9, postgres: 2.5e9, machine: 13e9}
	require.Equal(t, cpu{SelfMicroseconds: 1000, PostgresMicroseconds: 500, Others: 0.75}, after.since(before, 1000, 2e9))
	require.Equal(t, int64(120_000_000), ticks(bytes.Fields([]byte("5 7"))).Nanoseconds())
}

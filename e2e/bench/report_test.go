package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One document missing anywhere in any round invalidates the whole run.
func TestCountsMustAgree(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spoil func(n *counts)
		equal bool
	}{
		{"all agree", func(*counts) {}, true},
		{"not accepted", func(n *counts) { n.Accepted-- }, false},
		{"not in the inbox", func(n *counts) { n.Inbox-- }, false},
		{"not at the hub", func(n *counts) { n.Hub-- }, false},
		{"twice at the hub", func(n *counts) { n.Hub++ }, false},
		{"not complete", func(n *counts) { n.Status-- }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			whole := counts{Sent: 5, Accepted: 5, Inbox: 5, Hub: 5, Status: 5}
			spoiled := whole
			tt.spoil(&spoiled)
			whole.judge()
			spoiled.judge()
			var r report
			r.count(map[string]counts{"a": whole, "b": spoiled})
			require.Equal(t, tt.equal, r.Counts.Equal)
			require.Equal(t, int64(10), r.Counts.Sent)
		})
	}
}

// A surplus in one round does not compensate for a loss in another.
func TestCountsOfRoundsDoNotMakeUpForEachOther(t *testing.T) {
	t.Parallel()
	lost, twice := counts{Sent: 5, Accepted: 5, Inbox: 5, Hub: 4, Status: 5}, counts{Sent: 5, Accepted: 5, Inbox: 5, Hub: 6, Status: 5}
	lost.judge()
	twice.judge()
	var r report
	r.count(map[string]counts{"a": lost, "b": twice})
	require.False(t, r.Counts.Equal)
}

// The list of rows comes first, each with name, figure, bar, met and unit. A row that was not measured has no figure and is
// neither met nor missed.
func TestRowsOfTheReport(t *testing.T) {
	t.Parallel()
	r := report{Lines: []line{least("chain", 0.45, ofFloor).is(0.5), most("memory", 768, "MiB").not("left out of a quick run"), reported("upload", "a second").is(7)}}
	raw, err := json.Marshal(r)
	require.NoError(t, err)
	var told struct{ Rows []map[string]any }
	require.NoError(t, json.Unmarshal(raw, &told))
	require.Equal(t, []map[string]any{
		{"name": "chain", "ratio": 0.5, "bar": 0.45, "lessIsBetter": false, "met": true, "unit": ofFloor},
		{"name": "memory", "ratio": nil, "bar": 768.0, "lessIsBetter": true, "met": nil, "unit": "MiB", "notMeasured": "left out of a quick run"},
		{"name": "upload", "ratio": 7.0, "bar": nil, "lessIsBetter": false, "met": nil, "unit": "a second"},
	}, told.Rows)
	var table strings.Builder
	r.table(&table)
	require.Contains(t, table.String(), "not measured")
}

// Every row of the table is printed, even one that a quick run does not measure.
func TestEveryRowHasItsLines(t *testing.T) {
	t.Parallel()
	left, names := 0, map[string]bool{}
	for _, r := range rows() {
		require.NotEmpty(t, r.lines)
		if r.full {
			left++
		}
		for _, l := range r.lines {
			require.NotEmpty(t, l.Unit)
			require.False(t, names[l.Name], "two rows are called %s", l.Name)
			names[l.Name] = true
		}
	}
	require.Equal(t, 4, left, "sustained, memory, growth, start")
	require.Len(t, names, 31)
}

// The facts about a followed round are fields beside the others and not a nested object. A round of calls has none of them.
func TestRoundIsFlat(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		round  round
		counts bool
	}{{"documents", round{PerSecond: 12, followed: &followed{}}, true}, {"calls", round{PerSecond: 12}, false}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw, err := json.Marshal(tt.round)
			require.NoError(t, err)
			var told map[string]any
			require.NoError(t, json.Unmarshal(raw, &told))
			require.InDelta(t, 12, told["perSecond"], 0)
			require.Equal(t, tt.counts, told["counts"] != nil)
		})
	}
}

// The machine's description has the runtime's effective settings, no matter who set them.
func TestMachineTellsTheRuntimesSettings(t *testing.T) {
	t.Parallel()
	m := readMachine()
	require.NotZero(t, m.GOGC)
	require.NotZero(t, m.GOMemLimit)
}

// The environment selects a quick run; every number can be set; there are as many recipients as documents.
func TestOptions(t *testing.T) {
	t.Setenv("QUICK", "1")
	o, err := parse([]string{"-documents", "70", "-only", "chain,status"})
	require.NoError(t, err)
	require.True(t, o.quick)
	require.Equal(t, 70, o.recipients)
	require.True(t, o.wants("status"))
	require.False(t, o.wants("growth"))
	_, err = parse([]string{"-rounds", "2"})
	require.Error(t, err)
	_, err = parse([]string{"-singles", "0"})
	require.Error(t, err)
	t.Setenv("QUICK", "")
	o, err = parse(nil)
	require.NoError(t, err)
	require.False(t, o.quick)
	require.Equal(t, time.Minute, o.sustain)
}

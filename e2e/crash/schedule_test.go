package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var testUnits = []string{"intake", "delivery"}

func TestASeedIsOneSchedule(t *testing.T) {
	t.Parallel()
	o := options{seed: 7, kills: 12, duration: time.Minute}
	acts := plan(o, testUnits)
	require.Equal(t, acts, plan(o, testUnits))
	o.seed++
	require.NotEqual(t, acts, plan(o, testUnits))
}

// Kills come one after the other, so that each has something alive to hit.
func TestKillsDoNotOverlap(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		o := options{seed: seed, kills: 15, duration: time.Minute}
		var kills int
		var free time.Duration
		for _, a := range plan(o, testUnits) {
			if a.kill == "" {
				continue
			}
			kills++
			require.GreaterOrEqual(t, a.at, free)
			free = a.at + a.lasts
			require.LessOrEqual(t, free, o.duration)
		}
		require.Equal(t, o.kills, kills)
	}
}

func TestASeedHitsEverythingInTheEnd(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for seed := range uint64(50) {
		for _, a := range plan(options{seed: seed, kills: 5, duration: time.Minute}, testUnits) {
			seen[a.kill+a.system+string(a.scenario.Kind)+a.cut+string(a.severs)] = true
		}
	}
	for _, what := range []string{
		theBus, theDatabase, everything, "intake", "delivery", "hubdown", "hubslow", "hubanswer-lost", "hubtoken-loss", "hubwrong-order",
		"hubmissing-items", "archivedown", "archiveslow", theBus + "refused", theBus + "silent", theDatabase + "refused", theDatabase + "silent",
	} {
		require.True(t, seen[what], what)
	}
}

// What refuses writes does so one after the other, and all within the time.
func TestFullDisksFollowEachOther(t *testing.T) {
	t.Parallel()
	o := options{seed: 7, kills: 2, duration: 32 * time.Second, full: true}
	var refuse []string
	var free time.Duration
	for _, a := range plan(o, testUnits) {
		if a.refuses == "" {
			continue
		}
		require.GreaterOrEqual(t, a.at, free)
		free = a.at + a.lasts
		refuse = append(refuse, a.refuses)
	}
	require.Equal(t, []string{busDisk, databaseDisk, readOnlyDB}, refuse)
	require.Less(t, free, o.duration)
}

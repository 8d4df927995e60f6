package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/services/sandbox/scenario"
)

const (
	// killRoom is the share of the time that a kill has for itself, so that most hit a process that has worked since the last.
	killRoom = 4 * time.Second
	// longestDown is how long a killed process stays away at most, and longestFault how long the outside misbehaves.
	longestDown  = 3 * time.Second
	longestFault = 5 * time.Second
	// fullFor is how long writes are refused.
	fullFor = 6 * time.Second
	// wrongFor is how long the database's clock is wrong.
	wrongFor = 6 * time.Second
	aYear    = 365 * 24 * time.Hour
)

// What can be killed beside units.
const (
	theBus      = "nats"
	theDatabase = "postgres"
	everything  = "all at once"
	// thePrimary is killed for good, and its standby promoted.
	thePrimary = "postgres' primary for good"
)

// act is one thing done to the relay: something is killed, or misbehaves, and is well again after a while.
type act struct {
	at, lasts time.Duration
	// kill names what is killed: a unit, the bus, the database or everything.
	kill string
	// system of the sandbox that plays the scenario.
	system   string
	scenario scenario.Scenario
	// cut is how the units lose the bus or the database.
	cut    string
	severs link.Severance
	// refuses says what takes no writes.
	refuses string
	// steps is by how much the database's clock is wrong.
	steps time.Duration
}

func (a act) String() string {
	what := "kill " + a.kill
	switch {
	case a.system != "":
		what = fmt.Sprintf("the %s: %s", a.system, a.scenario.Kind)
	case a.refuses != "":
		what = a.refuses
	case a.steps != 0:
		what = fmt.Sprintf("the clock of postgres steps by %s", a.steps)
	case a.cut != "":
		what = fmt.Sprintf("between units and %s: %s", a.cut, a.severs)
	}
	return fmt.Sprintf("%5.1fs %s, for %.1fs", a.at.Seconds(), what, a.lasts.Seconds())
}

// misbehaviours are what the outside world does to the relay.
var misbehaviours = []struct {
	system   string
	scenario scenario.Scenario
}{
	{"hub", scenario.Scenario{Kind: scenario.Down, Forever: true}},
	{"hub", scenario.Scenario{Kind: scenario.Down, HTTPStatus: 503, Forever: true}},
	{"hub", scenario.Scenario{Kind: scenario.Slow, Delay: scenario.Delay(1500 * time.Millisecond), Forever: true}},
	{"hub", scenario.Scenario{Kind: scenario.AnswerLost, Forever: true}},
	{"hub", scenario.Scenario{Kind: scenario.TokenLoss, Times: 3}},
	{"hub", scenario.Scenario{Kind: scenario.WrongOrder, Times: 5}},
	{"hub", scenario.Scenario{Kind: scenario.MissingItems, Times: 3}},
	{"archive", scenario.Scenario{Kind: scenario.Down, HTTPStatus: 503, Forever: true}},
	{"archive", scenario.Scenario{Kind: scenario.Slow, Delay: scenario.Delay(time.Second), Forever: true}},
}

// plan is what a seed does. The kills come one in each part of the time, and as many faults of the outside beside them. A cluster
// loses its primary and a server of its bus besides.
func plan(o options, units []string) []act {
	r := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // a schedule is no secret
	part := o.duration / time.Duration(o.kills)
	acts := make([]act, 0, 2*o.kills+7)
	for n := range o.kills {
		begin := time.Duration(n) * part
		acts = append(acts,
			act{at: begin + upTo(r, part-longestDown), lasts: upTo(r, longestDown), kill: victim(r, units)},
			fault(r, begin+upTo(r, part), upTo(r, longestFault)))
	}
	if o.cluster {
		acts = append(acts, act{at: o.duration/2 + upTo(r, o.duration/4), kill: thePrimary},
			act{at: upTo(r, part), lasts: upTo(r, longestDown), kill: theBus})
	}
	if o.full {
		for n, what := range []string{busDisk, databaseDisk, readOnlyDB} {
			acts = append(acts, act{at: o.duration * time.Duration(4+3*n) / 16, lasts: fullFor, refuses: what})
		}
	}
	if o.clock {
		acts = append(acts, act{at: o.duration / 4, lasts: wrongFor, steps: aYear}, act{at: o.duration * 5 / 8, lasts: wrongFor, steps: -time.Hour})
	}
	slices.SortStableFunc(acts, func(a, b act) int { return cmp.Compare(a.at, b.at) })
	return acts
}

func upTo(r *rand.Rand, longest time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(longest))).Round(100 * time.Millisecond)
}

// victim: half of the kills hit a unit.
func victim(r *rand.Rand, units []string) string {
	if n := r.IntN(6); n < 3 {
		return []string{theBus, theDatabase, everything}[n]
	}
	return units[r.IntN(len(units))]
}

// fault: a quarter are cuts, the others of the outside.
func fault(r *rand.Rand, at, lasts time.Duration) act {
	a := act{at: at, lasts: lasts}
	if r.IntN(4) == 0 {
		a.cut, a.severs = []string{theBus, theDatabase}[r.IntN(2)], []link.Severance{link.Refused, link.Silent}[r.IntN(2)]
		return a
	}
	m := misbehaviours[r.IntN(len(misbehaviours))]
	a.system, a.scenario = m.system, m.scenario
	return a
}

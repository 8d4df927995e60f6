package main

import (
	"flag"
	"fmt"
	"time"
)

// Bounds of a run: the load's access tokens live a quarter of an hour, and setting up and draining take their part of it.
const (
	maxKills    = 60
	maxDuration = 5 * time.Minute
	maxReplicas = 3
)

// options of a run.
type options struct {
	seed     uint64
	kills    int
	duration time.Duration
	// replicas of each unit.
	replicas int
	// cluster: the bus is a cluster, the database has a standby.
	cluster bool
	// full: the disks of bus and database fill up, and the database refuses writes.
	full bool
	// clock: the clock of the database steps, forward and back.
	clock bool
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("crash", flag.ContinueOnError)
	flags.Uint64Var(&o.seed, "seed", 1, "what is done, and when, follows from this number")
	flags.IntVar(&o.kills, "kills", 5, "how often something is killed")
	flags.IntVar(&o.replicas, "replicas", 1, "processes of each unit, 1 to 3")
	flags.BoolVar(&o.cluster, "cluster", false, "a bus of three servers, one of which is replaced, and a database whose standby is promoted")
	flags.BoolVar(&o.full, "full", false, "disks of bus and database that are full, and a database that takes no writes, for a while (root)")
	flags.BoolVar(&o.clock, "clock", false, "a clock of the database that steps, by a year forward and by an hour back, for a while (libfaketime)")
	seconds := flags.Int("duration", 60, "seconds of load and faults")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.duration = time.Duration(*seconds) * time.Second
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("%q is no option", flags.Arg(0))
	case o.kills < 1 || o.kills > maxKills:
		return o, fmt.Errorf("1 to %d kills", maxKills)
	case o.replicas < 1 || o.replicas > maxReplicas:
		return o, fmt.Errorf("1 to %d replicas", maxReplicas)
	case o.duration < time.Duration(o.kills)*killRoom || o.duration > maxDuration:
		return o, fmt.Errorf("%d kills need %s to %s", o.kills, time.Duration(o.kills)*killRoom, maxDuration)
	}
	return o, nil
}

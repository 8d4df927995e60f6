package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// options of a run.
type options struct {
	quick bool
	// documents is the number per round; recipients are as many. The other numbers are those of their rows.
	documents, recipients, rounds, senders, floorDocuments                      int
	viewings, singles, statuses, fairness, uploads, platform, bundles, existing int
	openLoop, pages, sustain, memory, patience                                  time.Duration
	sampleRatio                                                                 float64
	dir, cpuProfiles, narud, only                                               string
}

const (
	batchItems = 1000 // the maximum of a batch
	minRounds  = 3
)

// full and quick return the sizes of the two kinds of run.
func full() options {
	return options{
		documents: 20_000, floorDocuments: 20_000, viewings: 2000, singles: 2000, statuses: 20_000, fairness: 100_000, uploads: 10_000, platform: 500, bundles: 100, existing: 1_000_000,
		openLoop: 30 * time.Second, pages: time.Minute, sustain: time.Minute, memory: 10 * time.Minute,
	}
}

func quick() options {
	return options{
		quick: true, documents: 1500, floorDocuments: 4000, viewings: 120, singles: 300, statuses: 3000, fairness: 3000, uploads: 1000, platform: 60, bundles: 20, existing: 10_000,
		openLoop: 5 * time.Second, pages: 5 * time.Second, sustain: 6 * time.Second, memory: 30 * time.Second,
	}
}

func parse(args []string) (options, error) {
	o := full()
	if os.Getenv("QUICK") == "1" {
		o = quick()
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	for _, n := range []struct {
		into  *int
		name  string
		about string
	}{
		{&o.documents, "documents", "documents of one round of the chain"},
		{&o.floorDocuments, "floor-documents", "documents of one round of the floor"},
		{&o.recipients, "recipients", "joined recipients; 0: as many as documents"},
		{&o.viewings, "viewings", "viewings of one round"},
		{&o.singles, "singles", "single sends of one round"},
		{&o.statuses, "statuses", "status questions of one round"},
		{&o.fairness, "fairness", "bulk documents beside another's singles"},
		{&o.uploads, "uploads", "certificates of one round of uploads"},
		{&o.platform, "platform", "documents of one round of the platform-centred path, 1 MiB each"},
		{&o.bundles, "bundles", "bundles of one round, of documents of 1 MiB each"},
		{&o.existing, "existing", "documents present for growth and start"},
	} {
		flags.IntVar(n.into, n.name, *n.into, n.about)
	}
	flags.IntVar(&o.rounds, "rounds", minRounds, "measured rounds of floor and of each row, at least 3")
	flags.IntVar(&o.senders, "senders", 3, "batches sent at the same time")
	flags.BoolVar(&o.quick, "quick", o.quick, "leave out growth, memory, start and the sustained row; QUICK=1 also makes everything small")
	flags.DurationVar(&o.openLoop, "open-loop", o.openLoop, "how long singles are sent at half of their rate")
	flags.DurationVar(&o.pages, "pages", o.pages, "how long pages are asked for")
	flags.DurationVar(&o.sustain, "sustain", o.sustain, "how long the sustained row sends")
	flags.DurationVar(&o.memory, "memory", o.memory, "how long memory is watched")
	flags.DurationVar(&o.patience, "patience", 20*time.Minute, "how long one round may take")
	flags.Float64Var(&o.sampleRatio, "sample-ratio", 1, "share of documents that are traced; 1 is what narud does")
	flags.StringVar(&o.dir, "dir", "", "folder to make the relay's folder in, on the disk to measure; empty: the folder for temporary files")
	flags.StringVar(&o.cpuProfiles, "cpuprofiles", "", "folder to write CPU profiles of the relay to, one for each round")
	flags.StringVar(&o.narud, "narud", "bin/narud", "narud for the row of starting")
	flags.StringVar(&o.only, "only", "", "measure these rows alone (names with commas between)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.recipients == 0 {
		o.recipients = o.documents
	}
	for _, n := range []int{o.documents, o.floorDocuments, o.recipients, o.viewings, o.singles, o.statuses, o.fairness, o.uploads, o.platform, o.bundles, o.senders} {
		if n < 1 {
			return o, fmt.Errorf("every number is at least 1")
		}
	}
	if o.rounds < minRounds {
		return o, fmt.Errorf("at least %d rounds", minRounds)
	}
	return o, nil
}

// wants reports whether a row is measured.
func (o options) wants(name string) bool {
	return o.only == "" || slices.Contains(strings.Split(o.only, ","), name)
}

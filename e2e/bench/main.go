package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/unit"
)

// options of a run.
type options struct {
	documents, rounds, recipients, senders int
	sampleRatio                            float64
	dir, cpuProfile                        string
	patience                               time.Duration
}

const (
	batchItems = 1000 // the most a batch may hold
	minRounds  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.documents, "documents", 5000, "documents of one round")
	flags.IntVar(&o.rounds, "rounds", minRounds, "measured rounds of floor and of chain, at least 3")
	flags.IntVar(&o.recipients, "recipients", 50, "joined recipients")
	flags.IntVar(&o.senders, "senders", 3, "batches sent at the same time")
	flags.Float64Var(&o.sampleRatio, "sample-ratio", 1, "share of documents that are traced; 1 is what narud does")
	flags.StringVar(&o.dir, "dir", "", "folder to make the relay's folder in, on the disk to measure; empty: the folder for temporary files")
	flags.StringVar(&o.cpuProfile, "cpuprofile", "", "write a CPU profile of this process over the first measured chain round to this file")
	flags.DurationVar(&o.patience, "patience", 5*time.Minute, "how long one round may take")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.documents < 1 || o.rounds < minRounds || o.recipients < 1 || o.senders < 1 {
		return o, fmt.Errorf("at least one document, recipient and sender, and %d rounds", minRounds)
	}
	return o, nil
}

// run measures and reports. The report is printed also where the counts do not agree; the error then says so.
func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	now := clock.System()
	unit.SpendMemory(unit.MemoryOfAll) // as narud does
	report := newReport(ctx, o, now.Now())
	r, err := startRelay(ctx, o, now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.stop(context.WithoutCancel(ctx))) }()
	if err := r.readSettings(ctx, &report.Settings); err != nil {
		return err
	}
	if report.Machine.FsyncMicroseconds, err = probeFsync(r.dir, now); err != nil {
		return err
	}
	if err := measure(ctx, o, r, report); err != nil {
		return err
	}
	report.finish()
	report.table(os.Stderr)
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	if !report.Counts.Equal {
		return fmt.Errorf("the counts differ: %d sent, %d accepted, %d in inboxes, %d at the hub, %d complete in status",
			report.Counts.Sent, report.Counts.Accepted, report.Counts.Inbox, report.Counts.Hub, report.Counts.Status)
	}
	return nil
}

// measure shows that the checks are on, warms up with a chain round that tells the sizes, and lets floor and chain take turns.
func measure(ctx context.Context, o options, r *relay, report *report) error {
	c, err := newChain(ctx, o, r)
	if err != nil {
		return err
	}
	defer c.close()
	if report.Checks, err = c.proveChecks(ctx); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "warm-up")
	if report.WarmUp, err = c.round(ctx, "warmup", ""); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	if report.Sizes, err = r.sizes(ctx, "warmup"); err != nil {
		return err
	}
	f, err := newFloor(ctx, r, &report.Sizes)
	if err != nil {
		return err
	}
	defer f.close()
	if _, err := f.round(ctx, o.documents); err != nil {
		return fmt.Errorf("warm-up of the floor: %w", err)
	}
	for i := range o.rounds {
		floor, err := f.round(ctx, o.documents)
		if err != nil {
			return fmt.Errorf("floor round %d: %w", i+1, err)
		}
		report.Floor.Rounds = append(report.Floor.Rounds, floor)
		profile := ""
		if i == 0 {
			profile = o.cpuProfile
		}
		chain, err := c.round(ctx, fmt.Sprintf("r%d", i+1), profile)
		if err != nil {
			return fmt.Errorf("chain round %d: %w", i+1, err)
		}
		report.Chain.Rounds = append(report.Chain.Rounds, chain)
		fmt.Fprintf(os.Stderr, "round %d: floor %.0f/s, chain %.0f/s\n", i+1, floor.PerSecond, chain.PerSecond)
	}
	if report.Sizes.FloorDocumentRow, report.Sizes.FloorOutboxRow, err = f.sizes(ctx); err != nil {
		return err
	}
	report.Sizes.EvidenceEntries, err = r.evidence(ctx)
	return err
}

// profiled runs work under the CPU profiler where a file is named.
func profiled(file string, work func() error) error {
	if file == "" {
		return work()
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("make profile: %w", err)
	}
	defer out.Close()
	if err := pprof.StartCPUProfile(out); err != nil {
		return fmt.Errorf("start profile: %w", err)
	}
	defer pprof.StopCPUProfile()
	return work()
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/naru-relay/naru/pkg/clock"
)

func main() {
	if len(os.Args) == 2 && (os.Args[1] == relayRole || os.Args[1] == sandboxRole) {
		exit(serveRole(os.Args[1]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	exit(err)
}

func exit(err error) {
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// sendersGOGC is high because the senders hold prepared batches, which frequent collections would walk for nothing.
const sendersGOGC = 400

// run measures and reports. If the counts differ, it still prints the report and returns an error.
func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if err := o.findNarud(); err != nil {
		return err
	}
	debug.SetGCPercent(sendersGOGC)
	now := clock.System()
	report := newReport(ctx, o, now.Now())
	s, err := startStack(ctx, o, now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop(context.WithoutCancel(ctx)), s.log.Close(), os.RemoveAll(s.dir)) }()
	if err := s.readSettings(ctx, &report.Settings); err != nil {
		return err
	}
	report.Machine.GOGC, report.Machine.GOMemLimit = s.told.GOGC, s.told.GOMemLimit
	if report.Machine.FsyncMicroseconds, err = probeFsync(s.dir, now); err != nil {
		return err
	}
	b := &bench{options: o, stack: s, report: report}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	defer b.chain.close()
	defer b.floor.close()
	if err := b.measure(ctx); err != nil {
		return err
	}
	report.count(b.chain.seen)
	report.Seconds = rounded(now.Now().Sub(report.StartedAt).Seconds(), 0)
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

// prepare makes the recipients join, shows that the relay's checks are active, and warms up chain and floor.
func (b *bench) prepare(ctx context.Context) (err error) {
	b.stack.say("%d recipients join", b.options.recipients)
	if b.chain, err = newChain(ctx, b.options, b.stack); err != nil {
		return err
	}
	if b.floor, err = newFloor(ctx, b.stack); err != nil {
		return err
	}
	if b.report.Checks, err = b.chain.proveChecks(ctx); err != nil {
		return err
	}
	b.stack.say("warm-up")
	j, err := b.chain.batchJourney(ctx, "warmup", b.options.documents)
	if err != nil {
		return err
	}
	if b.report.WarmUp, err = b.chain.round(ctx, j); err != nil {
		return fmt.Errorf("warm-up: %w", err)
	}
	if _, err := b.floor.round(ctx, b.options.floorDocuments); err != nil {
		return fmt.Errorf("warm-up of the floor: %w", err)
	}
	f := newFollower(b.chain.sender)
	seen, err := f.list(ctx, "warmup", b.report.StartedAt, complete)
	if err != nil {
		return err
	}
	b.chain.lookPrice, err = f.price(ctx, seen.documents[0].GetEdocNum())
	b.report.Method.LookMicroseconds = rounded(float64(b.chain.lookPrice.Nanoseconds())/1e3, 1)
	return err
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/clock"
)

const (
	setUpTime = 5 * time.Minute
	warmUp    = 20
	stopTime  = time.Minute
	// shown is how many findings of each kind are told in full.
	shown = 10
)

// errFound: the last line tells what.
var errFound = errors.New("the relay did not stand it")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case errors.Is(err, errFound):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func start(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == busRole {
		return serveBus(context.WithoutCancel(ctx), args[1:])
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	return run(ctx, o)
}

// quiet: what servers log when they are killed tells nobody anything.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run does one run and tells what it found.
func run(ctx context.Context, o options) (err error) {
	now := clock.System()
	fmt.Printf("seed %d: %d kills in %s, units times %d\n", o.seed, o.kills, o.duration, o.replicas)
	log, err := os.Create(filepath.Join(os.TempDir(), fmt.Sprintf("naru-crash-%d.log", o.seed)))
	if err != nil {
		return fmt.Errorf("make log: %w", err)
	}
	defer log.Close()
	s := &servers{cluster: o.cluster, full: o.full, steps: o.clock}
	begin, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	stack, err := harness.StartOn(begin, harness.Processes, log, s, o.replicas)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		err = errors.Join(err, stack.Stop(ending))
	}()
	units := stack.Processes()
	acts := plan(o, units)
	f := &faults{stack: stack, servers: s, units: units, hits: map[string]int{}, say: func(format string, about ...any) {
		fmt.Printf(now.Now().UTC().Format("15:04:05.000 ")+format+"\n", about...)
	}}
	r := &round{options: o, stack: stack, servers: s, faults: f, clock: now}
	return r.run(ctx, begin, acts)
}

// Command narud runs the whole relay in one process, with the sandbox in place of the outside world.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// settings are what the arguments say; code is that of a process which has said all already.
func settings(args []string, stdout, stderr io.Writer) (opts allinone.Options, code int, done bool) {
	opts = allinone.Options{Logs: stderr, Version: unit.Version(), SampleRatio: 1}
	flags := flag.NewFlagSet("narud", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.Dir, "data", endpoints.DefaultFolder(), "folder of everything the relay keeps; made when missing")
	flags.StringVar(&opts.REST, "rest", allinone.DefaultREST, "address of the public REST door; port 0 takes a free one")
	flags.StringVar(&opts.GRPC, "grpc", allinone.DefaultGRPC, "address of the public gRPC door")
	flags.StringVar(&opts.Ops, "ops", allinone.DefaultOps, "address of health and metrics")
	flags.StringVar(&opts.Web, "web", allinone.DefaultWeb, "address of the pages for people")
	flags.StringVar(&opts.Push, "hub-push", allinone.DefaultPush, "address where the hub pushes certificates")
	flags.BoolVar(&opts.FreePorts, "free-ports", false, "let the sandbox systems take free ports")
	flags.StringVar(&opts.DatabaseURL, "database-url", os.Getenv("NARU_DATABASE_URL"), "superuser's URL of a PostgreSQL server; empty: a private one (NARU_DATABASE_URL)")
	flags.BoolVar(&opts.Seed, "seed", false, "make a demo institution, viewing system, archive member and recipient")
	flags.StringVar(&opts.Reopen, "reopen", "", "where a database went back: begin new generations of the logs, for this `reason`, and go on")
	flags.BoolVar(&opts.Traces, "traces", false, "write finished spans to <data>/traces")
	flags.BoolVar(&opts.Apart, "apart", false, "run everything but the units, which then run as processes of their own with the files in <data>")
	flags.TextVar(&opts.LogLevel, "log-level", slog.LevelWarn, "debug, info, warn or error")
	version := flags.Bool("version", false, "print the version, and exit")
	if code, done = unit.ParseFlags(flags, args); done {
		return opts, code, true
	}
	switch {
	case *version:
		fmt.Fprintln(stdout, opts.Version)
		return opts, unit.ExitOK, true
	case opts.Seed && opts.Apart:
		fmt.Fprintln(stderr, "narud: -seed makes its principals through the units, which -apart leaves to you")
		return opts, unit.ExitUsage, true
	}
	return opts, unit.ExitOK, false
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, code, done := settings(args, stdout, stderr)
	if done {
		return code
	}
	unit.SpendMemory(unit.MemoryOfAll)
	relay, err := allinone.Start(ctx, opts)
	if err != nil {
		fmt.Fprintln(stderr, "narud:", err)
		return unit.ExitFailed
	}
	fmt.Fprint(stdout, relay.Greeting())
	ended := make(chan error, 1)
	go func() { ended <- relay.Wait(context.WithoutCancel(ctx)) }()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	if err = errors.Join(err, relay.Stop(context.WithoutCancel(ctx))); err != nil {
		fmt.Fprintln(stderr, "narud:", err)
		return unit.ExitFailed
	}
	return unit.ExitOK
}

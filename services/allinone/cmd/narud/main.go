// Command narud runs the whole relay in one process, with the sandbox in place of the outside world.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone"
	"github.com/naru-relay/naru/services/allinone/endpoints"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts := allinone.Options{Logs: os.Stderr, Version: unit.Version(), SampleRatio: 1}
	flag.StringVar(&opts.Dir, "data", endpoints.DefaultFolder(), "folder of everything the relay keeps; made when missing")
	flag.StringVar(&opts.REST, "rest", allinone.DefaultREST, "address of the public REST door; port 0 takes a free one")
	flag.StringVar(&opts.GRPC, "grpc", allinone.DefaultGRPC, "address of the public gRPC door")
	flag.StringVar(&opts.Ops, "ops", allinone.DefaultOps, "address of health and metrics")
	flag.BoolVar(&opts.FreePorts, "free-ports", false, "let the sandbox systems take free ports")
	flag.StringVar(&opts.DatabaseURL, "database-url", os.Getenv("NARU_DATABASE_URL"), "superuser's URL of a PostgreSQL server; empty: a private one (NARU_DATABASE_URL)")
	flag.BoolVar(&opts.Seed, "seed", false, "make a demo institution, viewing system, archive member and recipient")
	flag.BoolVar(&opts.Traces, "traces", false, "write finished spans to <data>/traces")
	flag.BoolVar(&opts.Apart, "apart", false, "run everything but the units, which then run as processes of their own with the files in <data>")
	flag.TextVar(&opts.LogLevel, "log-level", slog.LevelWarn, "debug, info, warn or error")
	version := flag.Bool("version", false, "print the version, and exit")
	flag.Parse()
	if *version {
		fmt.Println(opts.Version)
		return 0
	}
	unit.SpendMemory(unit.MemoryOfAll)
	relay, err := allinone.Start(ctx, opts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "narud:", err)
		return 1
	}
	fmt.Fprint(os.Stdout, relay.Greeting())
	ended := make(chan error, 1)
	go func() { ended <- relay.Wait(context.WithoutCancel(ctx)) }()
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	if err = errors.Join(err, relay.Stop(context.WithoutCancel(ctx))); err != nil {
		fmt.Fprintln(os.Stderr, "narud:", err)
		return 1
	}
	return 0
}

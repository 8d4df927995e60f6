// Command naru works with a Naru relay from the command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/naru-relay/naru/services/cli"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	return cli.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
}

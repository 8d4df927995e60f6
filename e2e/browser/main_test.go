package browser

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
)

// stack is the relay of all journeys.
var stack *harness.Stack

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	// How the units run changes nothing that a browser sees, so one mode is enough: what runs beside it proves the other.
	if os.Getenv("E2E_MODE") == harness.Processes {
		fmt.Fprintln(os.Stderr, "the browser's journeys run in the mode of one process")
		return 0
	}
	var err error
	if stack, err = harness.Start(ctx, harness.InProcess, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "start the stack:", err)
		return 1
	}
	code := 1
	if stop, err := startChromium(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
		stop()
	}
	stopCtx, stopCancel := context.WithTimeout(context.Background(), time.Minute)
	defer stopCancel()
	if err := stack.Stop(stopCtx); err != nil {
		fmt.Fprintln(os.Stderr, "stop the stack:", err)
		return 1
	}
	return code
}

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
)

// stack is the relay of all journeys. E2E_MODE says how it runs: inproc (default) or procs.
var stack *harness.Stack

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	mode := os.Getenv("E2E_MODE")
	if mode == "" {
		mode = harness.InProcess
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var err error
	if stack, err = harness.Start(ctx, mode, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "start the stack:", err)
		return 1
	}
	code := m.Run()
	if code == 0 {
		auditCtx, auditCancel := context.WithTimeout(context.Background(), time.Minute)
		defer auditCancel()
		if err := stack.Audit(auditCtx); err != nil {
			fmt.Fprintln(os.Stderr, "audit after all journeys:", err)
			code = 1
		}
	}
	stopCtx, stopCancel := context.WithTimeout(context.Background(), time.Minute)
	defer stopCancel()
	if err := stack.Stop(stopCtx); err != nil {
		fmt.Fprintln(os.Stderr, "stop the stack:", err)
		return 1
	}
	return code
}

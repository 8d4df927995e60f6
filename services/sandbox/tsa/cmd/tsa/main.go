// Command tsa runs the sandbox's time-stamping authority in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/services/sandbox/run"
)

func main() { os.Exit(run.Main(run.TSA())) }

// Command viewing runs the sandbox's viewing system in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/services/sandbox/run"
)

func main() { os.Exit(run.Main(run.Viewing())) }

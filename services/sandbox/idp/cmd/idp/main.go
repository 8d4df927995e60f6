// Command idp runs the sandbox's identity provider in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/services/sandbox/run"
)

func main() { os.Exit(run.Main(run.IDP())) }

// Command status runs the status unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/status"
)

func main() { os.Exit(unit.Main(status.Unit)) }

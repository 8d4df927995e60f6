// Command circulation runs the circulation unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/circulation"
)

func main() { os.Exit(unit.Main(circulation.Unit)) }

// Command intake runs the intake unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/intake"
)

func main() { os.Exit(unit.Main(intake.Unit)) }

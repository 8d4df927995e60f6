// Command viewing runs the viewing unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/viewing"
)

func main() { os.Exit(unit.Main(viewing.Unit)) }

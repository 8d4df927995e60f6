// Command gateway runs the gateway unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
)

func main() { os.Exit(unit.Main(registry.Gateway())) }

// Command hub runs the hub unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/hub"
)

func main() { os.Exit(unit.Main(hub.Unit)) }

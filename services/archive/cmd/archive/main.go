// Command archive runs the archive unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/archive"
)

func main() { os.Exit(unit.Main(archive.Unit)) }

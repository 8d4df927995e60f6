// Command content runs the content unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/content"
)

func main() { os.Exit(unit.Main(content.Unit)) }

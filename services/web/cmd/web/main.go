// Command web runs the web unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/web"
)

func main() { os.Exit(unit.Main(web.Unit)) }

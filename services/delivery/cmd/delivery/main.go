// Command delivery runs the delivery unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/delivery"
)

func main() { os.Exit(unit.Main(delivery.Unit)) }

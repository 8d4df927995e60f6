// Command address runs the address unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/address"
)

func main() { os.Exit(unit.Main(address.Unit)) }

// Command certificate runs the certificate unit in a process of its own.
package main

import (
	"os"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/certificate"
)

func main() { os.Exit(unit.Main(certificate.Unit)) }

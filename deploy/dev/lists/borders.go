package main

import (
	"bytes"
	"fmt"

	"github.com/naru-relay/naru/pkg/unit"
)

// The generated rules stand between these lines of the linter's settings.
const (
	bordersBegin = "        # borders of units: written by make lists\n"
	bordersEnd   = "        # end of the borders of units\n"
)

// borders writes the linter's import rules for units: a unit imports no other unit, no composition and no sandbox. A unit's
// program is exempt, because the gateway's program is built from all units.
func borders(units []unit.Unit, was []byte) ([]byte, error) {
	var b bytes.Buffer
	for _, u := range units {
		fmt.Fprintf(&b, `        unit-%[1]s:
          list-mode: lax
          files: ["**/services/%[1]s/**", "!**/services/%[1]s/cmd/**"]
          deny:
            - pkg: github.com/naru-relay/naru/services
              desc: a unit knows others by their protos, and the outside world by its interfaces
          allow: [github.com/naru-relay/naru/services/%[1]s]
`, u.Name)
	}
	return between(was, bordersBegin, bordersEnd, b.Bytes())
}

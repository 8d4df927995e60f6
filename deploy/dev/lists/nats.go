package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/unit"
)

const natsHead = `# Accounts and users of the bus, written by deploy/dev/lists from what the units declare. Do not edit it by hand.
#
# A unit publishes its own subjects and reads its own durable consumers; it makes no stream and no consumer. admin makes those in the units'
# -migrate step and has no business at other times. Passwords come from the environment of nats-server: BUS_PASSWORD_<UNIT>, BUS_PASSWORD_ADMIN
# and BUS_PASSWORD_SYS, in clear or as bcrypt. They have to begin with a letter or be bcrypt, and hold nothing but letters, digits, - and _.
accounts: {
  NARU: {
    jetstream: enabled
    users: [
      { user: admin, password: $BUS_PASSWORD_ADMIN }
`

const natsTail = `    ]
  }
  SYS: {
    users: [
      { user: sys, password: $BUS_PASSWORD_SYS }
    ]
  }
}
system_account: SYS
`

// accounts writes deploy/nats/accounts.conf: the bus's accounts and users, with exactly the rights that the declared streams and
// consumers of the units need.
func accounts(units []unit.Unit, _ []byte) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(natsHead)
	for _, u := range units {
		p := bus.PermissionsOf(u.Name, u.PublicKinds(), u.Reads)
		fmt.Fprintf(&b, "      {\n        user: %s, password: $BUS_PASSWORD_%s\n        permissions: {\n", u.Name, strings.ToUpper(u.Name))
		subjects(&b, "publish", p.Publish)
		subjects(&b, "subscribe", p.Subscribe)
		b.WriteString("        }\n      }\n")
	}
	b.WriteString(natsTail)
	return b.Bytes(), nil
}

func subjects(b *bytes.Buffer, kind string, allowed []string) {
	fmt.Fprintf(b, "          %s: {\n            allow: [\n", kind)
	for _, subject := range allowed {
		fmt.Fprintf(b, "              %q\n", subject)
	}
	b.WriteString("            ]\n          }\n")
}

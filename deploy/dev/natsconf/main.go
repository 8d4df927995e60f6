// Command natsconf keeps deploy/nats/accounts.conf: the bus's accounts and users with exactly the rights that the units' declared streams
// and consumers need. It checks that the file is current; -write writes it.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/allinone"
)

const file = "deploy/nats/accounts.conf"

func main() {
	write := flag.Bool("write", false, "write "+file)
	flag.Parse()
	if err := run(*write); err != nil {
		fmt.Fprintln(os.Stderr, "natsconf:", err)
		os.Exit(1)
	}
}

func run(write bool) error {
	wanted := render(allinone.Units())
	if write {
		return os.WriteFile(file, wanted, 0o644) //nolint:gosec // it holds no secret
	}
	committed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(committed, wanted) {
		return fmt.Errorf("%s is not current: go run ./deploy/dev/natsconf -write", file)
	}
	fmt.Println(file + ": current")
	return nil
}

const head = `# Accounts and users of the bus, written by deploy/dev/natsconf from what the units declare. Do not edit it by hand.
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

const tail = `    ]
  }
  SYS: {
    users: [
      { user: sys, password: $BUS_PASSWORD_SYS }
    ]
  }
}
system_account: SYS
`

func render(units []unit.Unit) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	for _, u := range units {
		p := bus.PermissionsOf(u.Name, u.PublicKinds(), u.Specs())
		fmt.Fprintf(&b, "      {\n        user: %s, password: $BUS_PASSWORD_%s\n        permissions: {\n", u.Name, strings.ToUpper(u.Name))
		subjects(&b, "publish", p.Publish)
		subjects(&b, "subscribe", p.Subscribe)
		b.WriteString("        }\n      }\n")
	}
	b.WriteString(tail)
	return b.Bytes()
}

func subjects(b *bytes.Buffer, kind string, allowed []string) {
	fmt.Fprintf(b, "          %s: {\n            allow: [\n", kind)
	for _, subject := range allowed {
		fmt.Fprintf(b, "              %q\n", subject)
	}
	b.WriteString("            ]\n          }\n")
}

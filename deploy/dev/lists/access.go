package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/unit"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const accessHead = `# Who may call what

Every RPC of Naru, written by ` + "`make lists`" + ` from the access rules in the protos. The rules are enforced by each unit, not only at the doors: a unit verifies the caller's token again, and one with an RPC without a
rule does not start.

- **open**: through the public doors, without a token.
- **a kind of principal**: through the public doors, with an access token of a principal of that kind that holds the scope.
- **units**, **every unit**: by those units, or by each, over mutual TLS, never through the doors.

Beside the RPCs the REST door serves ` + "`POST /oauth2/token`, `GET /.well-known/naru/{unit}/jwks.json`, `GET /.well-known/naru/{unit}/log.vkey`, the unit's log under `GET /.well-known/naru/{unit}/log/` (`checkpoint`, `stamped-checkpoint`, `stamped-checkpoint.tst`, `tile/…`), `GET /openapi.json`, `GET /healthz` and `GET /readyz`" + `, all open.
`

// access writes docs/access.md: who may call each RPC according to the access rules in the protos, one table per unit, the
// platform's services first; and who may open sealed values. An RPC without a rule, or with a rule that admits nobody, is an
// error.
func access(units []unit.Unit, _ []byte) ([]byte, error) {
	packages := map[string][]protoreflect.ServiceDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		name, ours := strings.CutPrefix(string(f.Package()), "naru.")
		for i := range f.Services().Len() {
			if ours {
				packages[name] = append(packages[name], f.Services().Get(i))
			}
		}
		return true
	})
	var page bytes.Buffer
	page.WriteString(accessHead)
	kinds(&page)
	var problems []error
	section := func(title, name string) {
		services := packages[name]
		delete(packages, name)
		if len(services) == 0 {
			return
		}
		slices.SortFunc(services, func(a, b protoreflect.ServiceDescriptor) int { return cmp.Compare(a.FullName(), b.FullName()) })
		fmt.Fprintf(&page, "\n## %s\n\n| RPC | REST | who | scope |\n|---|---|---|---|\n", title)
		for _, service := range services {
			for i := range service.Methods().Len() {
				line, err := row(service.Methods().Get(i))
				problems = append(problems, err)
				page.WriteString(line)
			}
		}
	}
	section("Every unit", "platform.v1")
	var names []string
	for _, u := range units {
		names = append(names, u.Name)
	}
	slices.Sort(names)
	for _, name := range names {
		section(name, name+".v1")
	}
	for name := range packages {
		problems = append(problems, fmt.Errorf("naru.%s is served by no unit", name))
	}
	sealedValues(&page, units)
	return page.Bytes(), errors.Join(problems...)
}

// sealedValues writes who seals personal data, who may open it, and for how long.
func sealedValues(page *bytes.Buffer, units []unit.Unit) {
	page.WriteString("\n## Sealed values\n\nPersonal data is kept encrypted under data keys that its maker gives to these readers alone (`pkg/sealed`). A key that is destroyed leaves\n" +
		"values that nobody can open. A blind index compares, and cannot be opened.\n\n| value | opened by | keys |\n|---|---|---|\n")
	var rules []sealed.Rule
	for _, u := range units {
		rules = append(rules, u.Seals...)
	}
	slices.SortFunc(rules, func(a, b sealed.Rule) int { return cmp.Compare(a.Purpose, b.Purpose) })
	for _, r := range rules {
		readers, keys := strings.Join(slices.Sorted(slices.Values(r.Readers)), ", "), "one a month, kept as long as what they protect"
		switch {
		case r.Index:
			readers, keys = "nobody (blind index)", "one"
		case r.Life > 0:
			keys = fmt.Sprintf("one a month, destroyed %d days after its end", int(r.Life.Hours()/24))
		}
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", r.Purpose, readers, keys)
	}
}

// kinds writes what the protos say about each kind of principal.
func kinds(page *bytes.Buffer) {
	page.WriteString("\n## Kinds of principals\n\n| kind | tokens minted by | come of | scopes at most |\n|---|---|---|---|\n")
	for _, kind := range authn.Kinds() {
		of := "client credentials"
		if authn.BySession(kind) {
			of = "a proof of identity, whose session they are bound to"
		}
		fmt.Fprintf(page, "| %s | %s | %s | `%s` |\n", nameOf(kind), authn.MintedBy(kind), of, strings.Join(authn.Scopes(kind), " "))
	}
}

func nameOf(kind platformv1.PrincipalKind) string {
	return strings.ReplaceAll(authn.KindName(kind), "_", " ")
}

func row(method protoreflect.MethodDescriptor) (string, error) {
	rule, err := rpc.AccessOf(method)
	if err != nil {
		return "", err
	}
	var who []string
	if rule.GetOpen() {
		who = append(who, "open")
	}
	for _, kind := range rule.GetKinds() {
		who = append(who, nameOf(kind))
	}
	if rule.GetEveryUnit() {
		who = append(who, "every unit")
	}
	if len(rule.GetUnits()) > 0 {
		units := slices.Sorted(slices.Values(rule.GetUnits()))
		who = append(who, "units: "+strings.Join(units, ", "))
	}
	code := func(text string) string {
		if text == "" {
			return ""
		}
		return "`" + text + "`"
	}
	return fmt.Sprintf("| `%s/%s` | %s | %s | %s |\n", method.Parent().Name(), method.Name(), code(gateway.PathOf(method)), strings.Join(who, "; "), code(rule.GetScope())), nil
}

// Command lists keeps the files that are generated from the list of units (services/registry): their duties, who may call what,
// the accounts of the bus, the import rules of units. It checks that the files are current; with -write it writes them.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
)

// list is a file, or a part of a file, that is generated from the units.
type list struct {
	file string
	// render returns the wanted content of the file; was is the present content.
	render func(units []unit.Unit, was []byte) ([]byte, error)
}

func lists() []list {
	return []list{
		{"docs/access.md", access}, {"docs/architecture.md", duties}, {"README.md", names}, {"README.ko.md", names},
		{"deploy/nats/accounts.conf", accounts}, {".golangci.yml", borders},
	}
}

func main() {
	write := flag.Bool("write", false, "write them")
	root := flag.String("root", ".", "folder of the checkout")
	flag.Parse()
	var problems []error
	for _, l := range lists() {
		problems = append(problems, l.keep(*root, *write))
	}
	if err := errors.Join(problems...); err != nil {
		fmt.Fprintln(os.Stderr, "lists:", err)
		os.Exit(1)
	}
}

// keep checks the file, or writes it.
func (l list) keep(root string, write bool) error {
	file := filepath.Join(root, l.file)
	was, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	wanted, err := l.render(registry.Units(), was)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", l.file, err)
	case write:
		return os.WriteFile(file, wanted, 0o644) //nolint:gosec // none of them holds a secret
	case !bytes.Equal(was, wanted):
		return fmt.Errorf("%s is not current: make lists", l.file)
	}
	return nil
}

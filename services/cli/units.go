package cli

import (
	"encoding/json"
	"fmt"

	"github.com/naru-relay/naru/services/registry"
)

type unitsCommand struct{}

// Help is shown by naru units --help.
func (unitsCommand) Help() string {
	return `Lists the units of a relay, one a line: a unit's name is also its schema, the head of its database roles, its user on the bus and its program.

Example:
  for unit in $(naru units); do psql -v schema=$unit -f deploy/postgres/provision.sql naru; done`
}

// Run writes the names.
func (unitsCommand) Run(a *app) error {
	names := []string{}
	for _, u := range registry.Units() {
		names = append(names, u.Name)
	}
	if a.JSON {
		return json.NewEncoder(a.stdout).Encode(names)
	}
	for _, name := range names {
		fmt.Fprintln(a.stdout, name)
	}
	return nil
}

package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"
)

type limitsCommand struct{}

// Help is shown by naru limits --help.
func (limitsCommand) Help() string {
	return `Shows the limits a relay publishes: of titles, batches, deadlines. Nobody has to log in for it.

Example:
  naru limits --rest https://relay.example`
}

// Run shows them.
func (limitsCommand) Run(a *app) error {
	p, err := a.place()
	if err != nil {
		return err
	}
	client, err := relay.Open(p.REST, p.http, endpoints.Credentials{})
	if err != nil {
		return err
	}
	limits, err := client.Limits(a.ctx)
	if err != nil {
		return err
	}
	return a.show(limits, func() error {
		raw, err := gateway.Marshal(limits)
		if err != nil {
			return err
		}
		named := map[string]any{}
		if err := json.Unmarshal(raw, &named); err != nil {
			return fmt.Errorf("read the limits: %w", err)
		}
		return a.table([]string{"LIMIT", "VALUE"}, func(row func(...string)) {
			for _, name := range slices.Sorted(maps.Keys(named)) {
				row(name, fmt.Sprint(named[name]))
			}
		})
	})
}

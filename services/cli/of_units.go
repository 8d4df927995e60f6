package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/services/registry"
)

// listUnits shows what units (all, if none is named) list: as JSON by unit, or as one table whose first column is the unit; none
// is said where there is nothing. A unit that does not answer is told and hides none of the others.
func (a *app) listUnits(units []string, none string, head []string, list func(unit string) (proto.Message, [][]string, error)) error {
	if len(units) == 0 {
		for _, u := range registry.Units() {
			units = append(units, u.Name)
		}
	}
	shown, rows, problems := map[string]json.RawMessage{}, [][]string{}, []error{}
	for _, unit := range units {
		listed, found, err := list(unit)
		if err != nil {
			problems = append(problems, fmt.Errorf("unit %s: %w", unit, err))
			continue
		}
		if shown[unit], err = gateway.Marshal(listed); err != nil {
			return err
		}
		for _, cells := range found {
			rows = append(rows, append([]string{unit}, cells...))
		}
	}
	err := a.show(shown, func() error {
		switch {
		case len(rows) == 0 && len(problems) > 0:
			return nil
		case len(rows) == 0:
			return a.say("%s", none)
		}
		return a.table(append([]string{"UNIT"}, head...), func(row func(...string)) {
			for _, cells := range rows {
				row(cells...)
			}
		})
	})
	return errors.Join(append(problems, err)...)
}

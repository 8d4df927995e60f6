package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/registry"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type parkedCommand struct {
	List   parkedList   `cmd:"" help:"List the events that units gave up on, the oldest first."`
	Replay parkedReplay `cmd:"" help:"Hand parked events to their handlers again."`
}

type parkedList struct {
	Units []string `arg:"" optional:"" name:"unit" help:"Names of units. Default: all."`
}

// Help is shown by naru parked list --help.
func (parkedList) Help() string {
	return `A unit that does not answer is told and hides none of the others; the command ends with 1 then. The operator's credentials are found
as by naru institution add. The runbook ParkedEvents says what to look at.

Example:
  naru parked list delivery circulation`
}

// Run lists.
func (c *parkedList) Run(a *app) error {
	if len(c.Units) == 0 {
		for _, u := range registry.Units() {
			c.Units = append(c.Units, u.Name)
		}
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	shown, rows, problems := map[string]json.RawMessage{}, [][]string{}, []error{}
	for _, unit := range c.Units {
		events, err := a.parked(operator, unit)
		if err != nil {
			problems = append(problems, fmt.Errorf("unit %s: %w", unit, err))
			continue
		}
		if shown[unit], err = gateway.Marshal(&platformv1.ListParkedEventsResponse{Events: events}); err != nil {
			return err
		}
		for _, e := range events {
			rows = append(rows, []string{unit, e.GetId(), e.GetConsumer(), e.GetKind(), e.GetSubject(), relay.Time(e.GetParkedAt()), e.GetReason()})
		}
	}
	err = a.show(shown, func() error {
		if len(rows) == 0 {
			if len(problems) > 0 {
				return nil
			}
			return a.say("nothing is parked")
		}
		return a.table([]string{"UNIT", "ID", "CONSUMER", "KIND", "SUBJECT", "SINCE", "REASON"}, func(row func(...string)) {
			for _, cells := range rows {
				row(cells...)
			}
		})
	})
	return errors.Join(append(problems, err)...)
}

func (a *app) parked(operator *relay.Client, unit string) ([]*platformv1.ParkedEvent, error) {
	return pages(a.ctx, func(ctx context.Context, query url.Values) ([]*platformv1.ParkedEvent, string, error) {
		return operator.ParkedEvents(ctx, unit, query)
	})
}

type parkedReplay struct {
	Unit string   `arg:"" help:"Name of the unit."`
	IDs  []string `arg:"" optional:"" name:"id" help:"Ids of parked events, as naru parked list tells them."`
	All  bool     `help:"All that are parked when the command begins."`
}

// Help is shown by naru parked replay --help.
func (parkedReplay) Help() string {
	return `Remove the cause first. Handlers take an event once, however often it comes; one that fails again stays parked, and the command ends with
1. The operator's credentials are found as by naru institution add.

Examples:
  naru parked replay delivery --all
  naru parked replay delivery 0191d0a1-0000-7000-8000-000000000001`
}

// maxReplayed is how many events the relay replays in one call.
const maxReplayed = 100

// Run replays.
func (c *parkedReplay) Run(a *app) error {
	if (len(c.IDs) > 0) == c.All {
		return usage("give ids of parked events, or --all")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		events, err := a.parked(operator, c.Unit)
		if err != nil {
			return err
		}
		for _, e := range events {
			c.IDs = append(c.IDs, e.GetId())
		}
	}
	sum := &platformv1.ReplayParkedEventsResponse{}
	for ids := range slices.Chunk(c.IDs, maxReplayed) {
		answer, err := operator.ReplayParkedEvents(a.ctx, c.Unit, ids...)
		if err != nil {
			return fmt.Errorf("%d replayed, %d still parked, then: %w", sum.GetReplayed(), sum.GetStillParked(), err)
		}
		sum.Replayed += answer.GetReplayed()
		sum.StillParked += answer.GetStillParked()
	}
	if err := a.show(sum, func() error { return a.say("%d replayed, %d still parked", sum.GetReplayed(), sum.GetStillParked()) }); err != nil {
		return err
	}
	if sum.GetStillParked() > 0 {
		return errors.New("some failed again and stay parked")
	}
	return nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/services/client/relay"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type parkedCommand struct {
	List   parkedList   `cmd:"" help:"List the events that units gave up on, the oldest first."`
	Replay parkedReplay `cmd:"" help:"Hand parked events to their handlers again."`
	GiveUp parkedGiveUp `cmd:"" help:"Give parked events up for good. It cannot be taken back."`
}

type parkedList struct {
	Units   []string `arg:"" optional:"" name:"unit" help:"Names of units. Default: all."`
	GivenUp bool     `help:"Those that were given up, in place of those that wait."`
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
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	head := []string{"ID", "CONSUMER", "KIND", "SUBJECT", "SINCE", "REASON"}
	return a.listUnits(c.Units, "nothing is parked", head, func(unit string) (proto.Message, [][]string, error) {
		events, err := a.parked(operator, unit, c.GivenUp)
		rows := make([][]string, len(events))
		for i, e := range events {
			rows[i] = []string{e.GetId(), e.GetConsumer(), e.GetKind(), e.GetSubject(), relay.Time(e.GetParkedAt()), e.GetReason()}
		}
		return &platformv1.ListParkedEventsResponse{Events: events}, rows, err
	})
}

func (a *app) parked(operator *relay.Client, unit string, givenUp bool) ([]*platformv1.ParkedEvent, error) {
	return pages(a.ctx, func(ctx context.Context, query url.Values) ([]*platformv1.ParkedEvent, string, error) {
		if givenUp {
			query.Set("givenUp", "true")
		}
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

// maxAtOnce is how many parked events the relay takes in one call.
const maxAtOnce = 100

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
		events, err := a.parked(operator, c.Unit, false)
		if err != nil {
			return err
		}
		for _, e := range events {
			c.IDs = append(c.IDs, e.GetId())
		}
	}
	sum := &platformv1.ReplayParkedEventsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
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

type parkedGiveUp struct {
	Unit   string   `arg:"" help:"Name of the unit."`
	IDs    []string `arg:"" name:"id" help:"Ids of parked events, as naru parked list tells them."`
	Reason string   `required:"" help:"Why nobody is to handle them, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru parked give-up --help.
func (parkedGiveUp) Help() string {
	return `For an event that cannot be repaired: it waits no more and nobody is alarmed about it. It stays on record with your act and its reason
(naru parked list --given-up). What it would have done is missing; tell the sender. The operator's credentials are found as by naru
institution add.

Example:
  naru parked give-up delivery 0191d0a1-0000-7000-8000-000000000001 --reason 'the document was sent again'`
}

// Run gives up.
func (c *parkedGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	sum := &platformv1.GiveUpParkedEventsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
		answer, err := operator.GiveUpParkedEvents(a.ctx, c.Unit, c.Reason, ids...)
		if err != nil {
			return fmt.Errorf("%d given up, then: %w", sum.GetGivenUp(), err)
		}
		sum.GivenUp += answer.GetGivenUp()
	}
	if err := a.show(sum, func() error { return a.say("%d given up", sum.GetGivenUp()) }); err != nil {
		return err
	}
	if int(sum.GetGivenUp()) < len(c.IDs) {
		return fmt.Errorf("%d of %d are not parked", len(c.IDs)-int(sum.GetGivenUp()), len(c.IDs))
	}
	return nil
}

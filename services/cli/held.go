package cli

import (
	"context"
	"net/url"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/services/client/relay"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type heldCommand struct {
	List    heldList    `cmd:"" help:"List the frames that journals hold back, the oldest first."`
	Release heldRelease `cmd:"" help:"Let held frames into their unit's log."`
}

type heldList struct {
	Units []string `arg:"" optional:"" name:"unit" help:"Names of units. Default: all."`
}

// Help is shown by naru held list --help.
func (heldList) Help() string {
	return `A frame whose time is not now is held. One that its unit did not make is refused, and cannot be released. A unit that does not answer is told
and hides none of the others; the command ends with 1 then. The operator's credentials are found as by naru institution add. The
runbooks FramesHeld and ForgedFrames say what to look at.

Example:
  naru held list intake`
}

// Run lists.
func (c *heldList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	head := []string{"FRAME", "KIND", "RECORDED", "HELD", "REFUSED"}
	return a.listUnits(c.Units, "nothing is held back", head, func(unit string) (proto.Message, [][]string, error) {
		frames, err := a.heldFrames(operator, unit)
		rows := make([][]string, len(frames))
		for i, f := range frames {
			rows[i] = []string{f.GetFrameId(), f.GetKind(), relay.Time(f.GetRecordedAt()), relay.Time(f.GetHeldAt()), f.GetRefused()}
		}
		return &platformv1.ListHeldFramesResponse{Frames: frames}, rows, err
	})
}

func (a *app) heldFrames(operator *relay.Client, unit string) ([]*platformv1.HeldFrame, error) {
	return pages(a.ctx, func(ctx context.Context, query url.Values) ([]*platformv1.HeldFrame, string, error) {
		return operator.HeldFrames(ctx, unit, query)
	})
}

type heldRelease struct {
	Unit   string   `arg:"" help:"Name of the unit."`
	Frames []string `arg:"" optional:"" name:"frame" help:"Ids of held frames, as naru held list tells them."`
	All    bool     `help:"All that are held when the command begins."`
	Reason string   `required:"" help:"What the cause was, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru held release --help.
func (heldRelease) Help() string {
	return `Only when the cause is known: the frames' times stay as they are, and everybody will rely on them. The operator's credentials are found as by
naru institution add.

Example:
  naru held release intake --all --reason 'the machine was suspended during the transaction'`
}

// Run releases.
func (c *heldRelease) Run(a *app) error {
	if (len(c.Frames) > 0) == c.All {
		return usage("give ids of held frames, or --all")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		frames, err := a.heldFrames(operator, c.Unit)
		if err != nil {
			return err
		}
		for _, f := range frames {
			if f.GetRefused() == "" {
				c.Frames = append(c.Frames, f.GetFrameId())
			}
		}
	}
	return a.bulk(c.Frames, "released", func(frame string) error { return operator.ReleaseFrame(a.ctx, c.Unit, frame, c.Reason) })
}

package cli

import (
	"errors"

	"github.com/naru-relay/naru/services/client/relay"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

type cancelCommand struct {
	Number string `arg:"" help:"Document number (전자문서번호)."`
	Wait   bool   `help:"Wait until it is decided: cancelled, or too late."`
}

// Help is shown by naru cancel --help.
func (cancelCommand) Help() string {
	return `Asks to stop a document before it is received. Whoever would take the next step decides; what was received stays received.
With --wait it ends with 1 when it was too late.

Example:
  naru cancel --credentials sender.json 20260302_NARU000001_0000000000001 --wait`
}

// Run asks, and waits.
func (c *cancelCommand) Run(a *app) error {
	if err := checkNumber(c.Number); err != nil {
		return err
	}
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	if err := sender.Cancel(a.ctx, c.Number); err != nil {
		return err
	}
	if !c.Wait {
		return a.show(map[string]string{"edocNum": c.Number, "state": "CANCEL_REQUESTED"}, func() error {
			return a.say("%s  cancel requested; naru status tells what became of it", c.Number)
		})
	}
	a.tell("naru: cancel of %s requested; waiting until it is decided …", c.Number)
	status, err := sender.AwaitStatus(a.ctx, c.Number, "the decision about the cancel", func(s *statusv1.DocumentStatus) bool {
		return s.GetState() == statusv1.DocumentState_DOCUMENT_STATE_CANCELLED || s.GetCancelRefused()
	})
	if err != nil {
		return err
	}
	if err := a.show(status, func() error { return a.say("%s  %s", c.Number, relay.Word(status.GetState())) }); err != nil {
		return err
	}
	if status.GetCancelRefused() {
		return errors.New("it was too late: the document was received")
	}
	return nil
}

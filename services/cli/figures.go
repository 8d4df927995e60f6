package cli

import (
	"cmp"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

type figuresCommand struct {
	Period    string `required:"" placeholder:"YYYY-MM" help:"A month in Korea that has begun."`
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where the PDF is written. The file must not exist."`
	Statement string `type:"path" placeholder:"FILE" help:"Where the JSON that the hub gave beside the PDF is written. The file must not exist. Default: it is not written."`
	Overwrite bool   `help:"Replace the files if they exist."`
	RequestID string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id asks for the same certificate. Default: a new one."`
}

// Help is shown by naru figures --help.
func (figuresCommand) Help() string {
	return `How many of the documents that your address sent were received and viewed in a month, by the hub. Asks, waits until the relay has the certificate and
has checked who signed it, and downloads it.

Example:
  naru figures --credentials sender.json --period 2026-03 --out figures.pdf --statement figures.json`
}

// Run gets the figures.
func (c *figuresCommand) Run(a *app) (err error) {
	if at, err := time.Parse("2006-01", c.Period); err != nil || at.Format("2006-01") != c.Period {
		return usage("--period is a month, YYYY-MM")
	}
	if utf8.RuneCountInString(c.RequestID) > maxRequestID {
		return usage("--request-id wants 1 to %d characters", maxRequestID)
	}
	_, sender, err := a.sender()
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	requestID := cmp.Or(c.RequestID, uuid.NewString())
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w (to ask for the same figures again: --request-id %s)", err, requestID)
		}
	}()
	asked, err := sender.RequestFigures(a.ctx, c.Period, requestID)
	if err != nil {
		return err
	}
	a.progress("waiting for the hub to issue the figures …")
	figures, err := sender.AwaitFigures(a.ctx, asked.GetId())
	if err != nil {
		return err
	}
	pdf, statement, err := sender.DownloadFigures(a.ctx, asked.GetId())
	if err != nil {
		return err
	}
	if err := c.writeStatement(statement); err != nil {
		return err
	}
	if err := out.fill(pdf, 0o600); err != nil {
		return fmt.Errorf("write the figures: %w", err)
	}
	return a.show(figures, func() error {
		return a.say("%s  of those sent: %d received, %d viewed; in the month: %d received, %d viewed  %s", figures.GetPeriod(),
			figures.GetReceivedOfSent(), figures.GetReadOfSent(), figures.GetReceived(), figures.GetRead(), c.Out)
	})
}

func (c *figuresCommand) writeStatement(statement []byte) (err error) {
	if c.Statement == "" {
		return nil
	}
	out, err := reserve(c.Statement, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	if err := out.fill(statement, 0o600); err != nil {
		return fmt.Errorf("write the statement: %w", err)
	}
	return nil
}

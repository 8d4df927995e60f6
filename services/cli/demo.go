package cli

import (
	"github.com/naru-relay/naru/services/cli/internal/demo"
)

type demoCommand struct {
	Doc   string `type:"existingfile" placeholder:"FILE" help:"PDF to send, at most 32 MiB. Default: an invented one, made on the spot."`
	Model string `default:"both" enum:"system,platform,both" help:"Model of the guide, one of ${enum}: the sender's own systems (4.1), or the relay deposits and shows the document (4.2)."`
	Narud string `type:"existingfile" placeholder:"FILE" help:"The narud program. Default: the one beside this program, or on the path."`
	Data  string `type:"path" placeholder:"FOLDER" help:"New or empty folder to run in; it is kept, with narud.log and the spans in traces/. Default: a temporary one, removed at the end."`
	Out   string `type:"path" default:"naru-demo" placeholder:"FOLDER" help:"Folder for the distribution certificate, <number>.certificate.pdf, and the document as the archive issued it, <number>.document.pdf; files of an earlier demo stay."`
	Keep  bool   `help:"Keep the temporary folder too."`
}

// Help is shown by naru demo --help.
func (demoCommand) Help() string {
	return `With both models the platform-centred one goes first, and the result is the other one's. Each step is one line with its name and number in the guide. The last line of the output is one JSON object: edocNum, documentHash,
recipientAddress, acceptedAt, sentAt, receivedAt, readAt, hubRegistered, certNum, certificateFile, checks, verified, traceId.
With --json it is the only line, and the steps go to stderr. What a person wants to know at the end goes to stderr too. Everything is invented and marked 시험용.

Examples:
  naru demo
  naru demo --doc notice.pdf --out certificates
  naru demo --model platform
  naru demo | tail -n 1 | jq .verified`
}

// Run runs the demo. The result is written after everything has stopped.
func (c *demoCommand) Run(a *app) error {
	if err := demo.CheckDocument(c.Doc); err != nil {
		return usage("%v", err)
	}
	steps := a.stdout
	if a.JSON {
		steps = a.stderr
	}
	result, err := demo.Run(a.ctx, demo.Options{
		Model: demo.Model(c.Model), Document: c.Doc, Narud: c.Narud, Data: c.Data, Out: c.Out, Keep: c.Keep, Clock: a.clock, Steps: steps, Notes: a.stderr,
	})
	if err != nil {
		return err
	}
	line, err := result.Line()
	if err != nil {
		return err
	}
	return a.say("%s", line)
}

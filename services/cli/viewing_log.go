package cli

import (
	"errors"

	"github.com/naru-relay/naru/services/client/relay"
)

type viewingLogCommand struct {
	Number string `arg:"" help:"Document number (전자문서번호)."`
	Out    string `required:"" type:"path" placeholder:"FILE" help:"Where the extract is written (.txt). The file must not exist."`
	After  int32  `placeholder:"N" help:"Number of the last entry of the extract before, for logs of more than 500 entries."`
	Person string `placeholder:"ID" help:"For the recipient: id of a test person at the sandbox's identity provider, whose identity is proved. Default: the sender, by --credentials."`
}

// Help is shown by naru viewing-log --help.
func (viewingLogCommand) Help() string {
	return `Gets an extract of a document's viewing log (열람 기록 확인서), signed by the relay: which viewing tokens were given, when the document was opened with
them, and when it was read. The recipient's tells who opened it, too. naru verify verifies it, without the relay and long after. The relay records each extract.

Examples:
  naru viewing-log --credentials sender.json 20260302_NARU000001_0000000000001 --out log.txt; naru verify log.txt --document notice.pdf
  naru viewing-log --person ferry 20260302_NARU000001_0000000000001 --out log.txt`
}

// Run gets the extract.
func (c *viewingLogCommand) Run(a *app) (err error) {
	if c.After < 0 {
		return usage("--after wants the number of an entry")
	}
	client, err := c.party(a)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	made, err := client.ExtractViewingLog(a.ctx, c.Number, c.After)
	if err != nil {
		return err
	}
	if err := out.fill([]byte(made.GetExtract()+"\n"), 0o600); err != nil {
		return err
	}
	return a.show(made, func() error {
		if err := a.say("%s  %d entries  %s", made.GetSerial(), made.GetEntries(), c.Out); err != nil || !made.GetMore() {
			return err
		}
		return a.say("there are more: --after %d", made.GetLast())
	})
}

func (c *viewingLogCommand) party(a *app) (*relay.Client, error) {
	if c.Person != "" {
		return a.prove(c.Person, "")
	}
	_, client, err := a.sender()
	return client, err
}

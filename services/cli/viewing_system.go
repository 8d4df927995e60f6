package cli

import (
	"errors"

	"github.com/google/uuid"
)

type viewingSystemCommand struct {
	Add viewingSystemAdd `cmd:"" aliases:"create" help:"Make a viewing system (열람시스템) that serves senders."`
}

type viewingSystemAdd struct {
	Name      string   `required:"" help:"Name of the viewing system."`
	Sender    []string `required:"" placeholder:"ID" help:"Principal id of an institution that it serves, repeatable."`
	Out       string   `type:"path" placeholder:"FILE" xor:"out" required:"" help:"Where the credentials are written (JSON, rights 0600). The file must not exist."`
	Sandbox   bool     `xor:"out" required:"" help:"Hand the credentials to the sandbox's viewing system instead. It has one principal: documents of one before are shown no more."`
	Overwrite bool     `help:"Replace the file if it exists."`
}

// Help is shown by naru viewing-system add --help.
func (viewingSystemAdd) Help() string {
	return `The operator's credentials are found as by naru institution add, which also tells the ids of senders. The secret is shown by the relay
once; it is only in the file. What is printed is the id that senders name in their documents (naru send --viewing-system).

Examples:
  naru viewing-system add --name 시험용열람시스템 --sender 0191d0a1-0000-7000-8000-000000000001 --out viewing.json
  naru viewing-system add --name 시험용열람시스템 --sender 0191d0a1-0000-7000-8000-000000000001 --sandbox --overwrite`
}

// Run makes the viewing system; the file is made first.
func (c *viewingSystemAdd) Run(a *app) (err error) {
	for _, sender := range c.Sender {
		if _, err := uuid.Parse(sender); err != nil {
			return usage("--sender wants the principal id of an institution")
		}
	}
	p, operator, err := a.operator()
	if err != nil {
		return err
	}
	path := c.Out
	if c.Sandbox {
		if path = p.Sandbox.ViewingCredentials; path == "" {
			return usage("--sandbox: the endpoint file does not say where the sandbox's viewing system reads its credentials")
		}
	}
	out, err := reserve(path, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	made, err := operator.CreateViewingSystem(a.ctx, c.Name, c.Sender...)
	if err != nil {
		return err
	}
	if err := out.fillCredentials(made.GetCredentials(), made.GetViewingSystem().GetId()); err != nil {
		return err
	}
	return a.show(made.GetViewingSystem(), func() error {
		return a.say("%s  %s\ncredentials in %s", made.GetViewingSystem().GetId(), made.GetViewingSystem().GetName(), path)
	})
}

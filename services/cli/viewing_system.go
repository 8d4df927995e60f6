package cli

import (
	"cmp"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/client/relay"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

type viewingSystemCommand struct {
	Add    viewingSystemAdd    `cmd:"" aliases:"create" help:"Make a viewing system (열람시스템) that serves senders."`
	List   viewingSystemList   `cmd:"" help:"List the viewing systems, newest first."`
	Change viewingSystemChange `cmd:"" help:"Change name, senders or hosts of a viewing system."`
}

type viewingSystemAdd struct {
	Name      string   `required:"" help:"Name of the viewing system."`
	Sender    []string `required:"" placeholder:"ID" help:"Principal id of an institution that it serves, repeatable."`
	Host      []string `placeholder:"HOST" help:"Host name or IP address, without port, that viewing URLs of its documents may name, repeatable. Default: any."`
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
	if err := checkSenders(c.Sender); err != nil {
		return err
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
	made, err := operator.CreateViewingSystem(a.ctx, &gatewayv1.ViewingSystem{Name: c.Name, Senders: c.Sender, Hosts: c.Host})
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

func checkSenders(ids []string) error {
	for _, id := range ids {
		if _, err := uuid.Parse(id); err != nil {
			return usage("--sender wants the principal id of an institution")
		}
	}
	return nil
}

type viewingSystemList struct{}

// Help is shown by naru viewing-system list --help.
func (viewingSystemList) Help() string {
	return `The operator's credentials are found as by naru institution add.

Example:
  naru viewing-system list`
}

// Run lists.
func (viewingSystemList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	systems, err := pages(a.ctx, operator.ViewingSystems)
	if err != nil {
		return err
	}
	return a.show(&gatewayv1.ListViewingSystemsResponse{ViewingSystems: systems}, func() error {
		if len(systems) == 0 {
			return a.say("there are no viewing systems")
		}
		return a.viewingSystemTable(systems...)
	})
}

func (a *app) viewingSystemTable(systems ...*gatewayv1.ViewingSystem) error {
	return a.table([]string{"ID", "NAME", "CREATED", "SENDERS", "HOSTS"}, func(row func(...string)) {
		for _, s := range systems {
			hosts := "any"
			if len(s.GetHosts()) > 0 {
				hosts = strings.Join(s.GetHosts(), ",")
			}
			row(s.GetId(), s.GetName(), relay.Time(s.GetCreatedAt()), strings.Join(s.GetSenders(), ","), hosts)
		}
	})
}

type viewingSystemChange struct {
	ID      string   `arg:"" help:"Principal id of the viewing system."`
	Name    string   `help:"Another name."`
	Sender  []string `placeholder:"ID" help:"All institutions that it serves from now on, repeatable."`
	Host    []string `xor:"hosts" placeholder:"HOST" help:"All hosts that viewing URLs of its documents may name from now on, repeatable."`
	AnyHost bool     `xor:"hosts" help:"Viewing URLs may name any host."`
}

// Help is shown by naru viewing-system change --help.
func (viewingSystemChange) Help() string {
	return `What is not given stays. The change counts within some seconds: of a sender that it no longer serves the viewing system shows no document,
those that were received before neither. The operator's credentials are found as by naru institution add.

Examples:
  naru viewing-system change 0191d0a1-0000-7000-8000-000000000002 --host view.example --host view2.example
  naru viewing-system change 0191d0a1-0000-7000-8000-000000000002 --sender 0191d0a1-0000-7000-8000-000000000001 \
       --sender 0191d0a1-0000-7000-8000-000000000003 --any-host`
}

// Run changes what is given.
func (c *viewingSystemChange) Run(a *app) error {
	if c.Name == "" && len(c.Sender) == 0 && len(c.Host) == 0 && !c.AnyHost {
		return usage("nothing to change: give --name, --sender, --host or --any-host")
	}
	if err := checkSenders(c.Sender); err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	system, err := operator.ViewingSystem(a.ctx, c.ID)
	if err != nil {
		return err
	}
	wanted := &gatewayv1.ViewingSystem{Name: cmp.Or(c.Name, system.GetName()), Senders: system.GetSenders(), Hosts: system.GetHosts()}
	if len(c.Sender) > 0 {
		wanted.Senders = c.Sender
	}
	if len(c.Host) > 0 || c.AnyHost {
		wanted.Hosts = c.Host
	}
	if system, err = operator.ReplaceViewingSystem(a.ctx, c.ID, wanted); err != nil {
		return err
	}
	return a.show(system, func() error { return a.viewingSystemTable(system) })
}

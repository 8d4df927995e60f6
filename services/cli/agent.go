package cli

import (
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"

	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

type agentCommand struct {
	Create agentCreate `cmd:"" aliases:"add" help:"Make an agent (송신대행자), who sends what senders authorise."`
	List   agentList   `cmd:"" help:"List the agents, newest first."`
}

type agentCreate struct {
	Name      string `required:"" help:"Name of the agent; senders are shown it."`
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where the credentials are written (JSON, rights 0600). The file must not exist."`
	Overwrite bool   `help:"Replace the file if it exists."`
}

// Help is shown by naru agent create --help.
func (agentCreate) Help() string {
	return `The operator's credentials are found as by naru institution add. The secret is shown by the relay once; it is only in the file.

Example:
  naru agent create --name 시험용대행사 --out agent.json`
}

// Run makes the agent; the file is made first.
func (c *agentCreate) Run(a *app) (err error) {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	made, err := operator.CreateAgent(a.ctx, c.Name)
	if err != nil {
		return err
	}
	if err := out.fillCredentials(made.GetCredentials(), made.GetAgent().GetId()); err != nil {
		return err
	}
	return a.show(made.GetAgent(), func() error {
		return a.say("%s  %s\ncredentials in %s", made.GetAgent().GetId(), made.GetAgent().GetName(), c.Out)
	})
}

type agentList struct{}

// Help is shown by naru agent list --help.
func (agentList) Help() string {
	return `The operator's credentials are found as by naru institution add.

Example:
  naru agent list`
}

// Run lists.
func (agentList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	agents, err := pages(a.ctx, operator.Agents)
	if err != nil {
		return err
	}
	return a.show(&gatewayv1.ListAgentsResponse{Agents: agents}, func() error {
		if len(agents) == 0 {
			return a.say("there are no agents")
		}
		return a.table([]string{"ID", "NAME", "CREATED"}, func(row func(...string)) {
			for _, one := range agents {
				row(one.GetId(), one.GetName(), relay.Time(one.GetCreatedAt()))
			}
		})
	})
}

type authorisationKeysCommand struct {
	Institution string   `arg:"" help:"Principal id of the institution."`
	JWK         []string `name:"jwk" xor:"keys" required:"" type:"existingfile" placeholder:"FILE" help:"File with a public ES256 key (JWK), at most 5, repeatable."`
	None        bool     `xor:"keys" required:"" help:"Nobody can be authorised by signature any more."`
}

// Help is shown by naru authorisation-keys --help.
func (authorisationKeysCommand) Help() string {
	return `Registers the keys with which an institution signs what agents may send for it, in place of those it had. Make sure by another way that they
are the institution's. The operator's credentials are found as by naru institution add.

Examples:
  naru authorisation-keys 0191d0a1-0000-7000-8000-000000000001 --jwk key.jwk
  naru authorisation-keys 0191d0a1-0000-7000-8000-000000000001 --none`
}

// maxJWK bounds the file of a key.
const maxJWK = 2000

// Run replaces the keys.
func (c *authorisationKeysCommand) Run(a *app) error {
	if _, err := uuid.Parse(c.Institution); err != nil {
		return usage("the principal id of an institution is wanted")
	}
	var jwks []string
	for _, path := range c.JWK {
		raw, err := endpoints.ReadUpTo(path, maxJWK)
		if err != nil {
			return err
		}
		jwks = append(jwks, strings.TrimSpace(string(raw)))
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	ids, err := operator.ReplaceAuthorisationKeys(a.ctx, c.Institution, jwks...)
	if err != nil {
		return err
	}
	return a.show(&gatewayv1.ReplaceAuthorisationKeysResponse{KeyIds: ids}, func() error {
		return a.say("%s  keys: %s", c.Institution, strings.Join(ids, " "))
	})
}

package cli

import (
	"cmp"

	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/services/client/identity"
	"github.com/naru-relay/naru/services/client/relay"
)

type memberCommand struct {
	Join memberJoin `cmd:"" help:"Prove the identity of a test person and make it a member, without a browser."`
}

type memberJoin struct {
	Person       string `required:"" placeholder:"ID" help:"Id of a test person at the sandbox's identity provider, e.g. ferry, dawn, field or harbor."`
	TermsVersion string `default:"sandbox-1" help:"Version of the terms consented to."`
	RedirectURI  string `name:"redirect-uri" placeholder:"URL" help:"Where the identity proof comes back to; one of the relay's configured ones. Default: the endpoint file's."`
}

// Help is shown by naru member join --help.
func (memberJoin) Help() string {
	return `Runs the identity proof (본인확인) with the sandbox's identity provider, joins with consent and a designated inbox, waits until the hub
has confirmed the address, and prints it. Repeating it finds the same membership.

Example:
  naru member join --person ferry`
}

// Run joins and waits.
func (c *memberJoin) Run(a *app) error {
	session, err := a.prove(c.Person, c.RedirectURI)
	if err != nil {
		return err
	}
	a.progress("waiting for the hub to register the member's address …")
	membership, err := session.Join(a.ctx, c.TermsVersion)
	if err != nil {
		return err
	}
	return a.show(membership, func() error { return a.say("%s", membership.GetAddress()) })
}

// prove proves the identity of a test person and returns its session.
func (a *app) prove(person, redirectURI string) (*relay.Client, error) {
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	redirect := cmp.Or(redirectURI, p.Sandbox.RedirectURI)
	if redirect == "" {
		return nil, usage("--redirect-uri is required: the endpoint file names none")
	}
	door, err := rest.New(rest.Options{BaseURL: p.REST, HTTP: p.http})
	if err != nil {
		return nil, err
	}
	session, err := identity.Proof{Door: door, HTTP: p.http, RedirectURI: redirect, Person: person}.Prove(a.ctx)
	if err != nil {
		return nil, err
	}
	return relay.New(door).Session(session.GetSessionToken()), nil
}

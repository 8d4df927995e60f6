package cli

import (
	"crypto/rand"
	"errors"

	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/sandbox"
)

type archiveMemberCommand struct {
	Add archiveMemberAdd `cmd:"" aliases:"create" help:"Make a member (이용자) of the sandbox's archive, or give it a new password."`
}

type archiveMemberAdd struct {
	MemberID  string `required:"" placeholder:"ID" help:"Id of the member at the archive."`
	Name      string `required:"" help:"Name of the member; registration certificates name it as the owner."`
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where {\"memberId\", \"password\"} is written (rights 0600). The file must not exist."`
	Overwrite bool   `help:"Replace the file if it exists."`
}

// Help is shown by naru archive-member add --help.
func (archiveMemberAdd) Help() string {
	return `A sender has to be a member of the archive before it registers a document (guide 5.1.1 1)). A certified archive has its own way to
become one; this is the sandbox's. The password is made here and is only in the file, which naru send takes by --archive-member.

Example:
  naru archive-member add --member-id ferry-1 --name 시험용나루터 --out member.json`
}

// Run makes the member; the file is made first.
func (c *archiveMemberAdd) Run(a *app) (err error) {
	p, err := a.place()
	if err != nil {
		return err
	}
	operator, err := sandbox.Operator(p.Sandbox, p.http, p.Sandbox.Archive)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, c.Overwrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	member := endpoints.ArchiveMember{MemberID: c.MemberID, Password: rand.Text()}
	if err := sandbox.AddMember(a.ctx, operator, sandbox.Member{MemberID: c.MemberID, Name: c.Name, Password: member.Password}); err != nil {
		return err
	}
	if err := out.fillJSON(member); err != nil {
		return err
	}
	return a.show(map[string]string{"memberId": c.MemberID, "file": c.Out}, func() error {
		return a.say("%s\nid and password in %s", c.MemberID, c.Out)
	})
}

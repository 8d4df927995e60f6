package cli

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/client/sample"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

type institutionCommand struct {
	Add      institutionAdd      `cmd:"" aliases:"create" help:"Make a sending institution, and wait until its certified address is registered at the hub."`
	Resubmit institutionResubmit `cmd:"" help:"Submit the documents of an institution again whose address was refused, and wait until it is registered at the hub."`
	Change   institutionChange   `cmd:"" help:"Enter another name of an institution with its documents, or another type, and wait until the hub has it."`
	Archives institutionArchives `cmd:"" help:"Record of which certified archives an institution is a member, in place of what was recorded before."`
}

// archives are an institution's memberships of certified archives.
type archives struct {
	ArchiveMember []string `sep:"none" placeholder:"ARCHIVE=MEMBER" help:"A membership of a certified archive (공인전자문서센터): the archive's name and the owner's, as its registration certificates have them. Up to five, each with a flag of its own."`
}

// memberships reads them.
func (c *archives) memberships() ([]*addressv1.ArchiveMembership, error) {
	if len(c.ArchiveMember) == 0 {
		return nil, usage("--archive-member is required")
	}
	all := make([]*addressv1.ArchiveMembership, len(c.ArchiveMember))
	for i, given := range c.ArchiveMember {
		archive, member, ok := strings.Cut(given, "=")
		if !ok || archive == "" || member == "" {
			return nil, usage("--archive-member is ARCHIVE=MEMBER, e.g. '시험용 전자문서보관소=시험용나루터'")
		}
		all[i] = &addressv1.ArchiveMembership{Archive: archive, Member: member}
	}
	return all, nil
}

// papers are the two documents that the hub requires (hub-interface 3.1).
type papers struct {
	BusinessDocument     string `type:"existingfile" placeholder:"FILE" help:"사업자등록증 사본, JPEG of at most 2 MiB."`
	RegistrationDocument string `type:"existingfile" placeholder:"FILE" help:"공인전자주소 등록 신청서, JPEG of at most 2 MiB."`
	Sandbox              bool   `help:"Make test pictures in place of the two documents."`
}

type institutionAdd struct {
	Name           string `required:"" help:"Name exactly as on the business registration certificate, 1-40 characters."`
	BusinessNumber string `required:"" placeholder:"DIGITS" help:"사업자등록번호, 10 digits."`
	Type           string `required:"" enum:"${organisationTypes}" help:"One of ${enum}."`
	Address        string `required:"" help:"Certified address wished for at this relay, 3-100 characters."`
	archives
	papers
	Out       string `required:"" type:"path" placeholder:"FILE" help:"Where the credentials are written (JSON, rights 0600). The file must not exist."`
	NewClient bool   `help:"If the institution exists already, make further credentials for it."`
}

// Help is shown by naru institution add --help.
func (institutionAdd) Help() string {
	return `The operator's credentials are those of --credentials or the environment, or the file narud's endpoint file names. The secret is shown
by the relay once; it is only in the file. With --sandbox the institution is the seeded member of the archive, if no --archive-member is given. Repeating the command with the same number and address finds the same institution.

Examples:
  naru institution add --sandbox --name 시험용나루터 --business-number 0001234560 --type public-institution \
       --address ferry-1 --out sender.json
  naru institution add --rest https://relay.example --credentials operator.json --name … --business-number … --type corporation \
       --address … --archive-member …=… --business-document license.jpg --registration-document application.jpg --out sender.json`
}

// Run creates the institution. It creates the credentials file first, because a secret that cannot be written would be lost.
func (c *institutionAdd) Run(a *app) (err error) {
	place, operator, err := a.operator()
	if err != nil {
		return err
	}
	request, err := c.request(place)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.drop()) }()
	made, err := operator.CreateInstitution(a.ctx, request)
	if err != nil {
		return err
	}
	id, credentials := made.GetInstitution().GetId(), made.GetCredentials()
	if credentials == nil {
		if !c.NewClient {
			return fmt.Errorf("the institution exists already (%s), and its secret is not shown again; --new-client makes further credentials", id)
		}
		if credentials, err = operator.CreateClient(a.ctx, id); err != nil {
			return err
		}
	}
	if err := out.fillCredentials(credentials, id); err != nil {
		return err
	}
	return a.awaitRegistered(operator, made.GetInstitution(), "\ncredentials in "+c.Out)
}

// awaitRegistered waits until the hub has registered an institution's address, and shows it.
func (a *app) awaitRegistered(operator *relay.Client, asked *addressv1.Institution, more string) error {
	a.progress("waiting for the hub to register %s …", asked.GetAddress())
	institution, err := operator.AwaitRegistered(a.ctx, asked.GetId())
	if err != nil {
		return err
	}
	return a.show(institution, func() error {
		return a.say("%s  %s  %s%s", institution.GetId(), institution.GetAddress(), relay.Word(institution.GetAddressState()), more)
	})
}

type institutionResubmit struct {
	ID string `arg:"" help:"Principal id of the institution."`
	papers
	Name      string `help:"Corrected name, exactly as on the business registration certificate, at most 40 characters. Default: as it is."`
	RequestID string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id submits the same once. Default: a new one."`
}

// Help is shown by naru institution resubmit --help.
func (institutionResubmit) Help() string {
	return `For an institution whose certified address was refused: the hub is asked again for the same address, with these documents. Business number,
type and address stay. The operator's credentials are found as by naru institution add. After an answer that was lost, repeat the
command with the same --request-id.

Example:
  naru institution resubmit 0191d0a1-0000-7000-8000-000000000001 --rest https://relay.example --credentials operator.json \
       --business-document license.jpg --registration-document application.jpg --name … --request-id ferry-2`
}

// Run submits the documents again.
func (c *institutionResubmit) Run(a *app) error {
	business, registration, err := c.documents()
	if err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	institution, err := operator.ResubmitInstitution(a.ctx, c.ID, &addressv1.ResubmitInstitutionRequest{
		RequestId: cmp.Or(c.RequestID, uuid.NewString()), Name: c.Name, BusinessDocument: business, RegistrationDocument: registration,
	})
	if err != nil {
		return err
	}
	return a.awaitRegistered(operator, institution, "")
}

type institutionArchives struct {
	ID string `arg:"" help:"Principal id of the institution."`
	archives
}

// Help is shown by naru institution archives --help.
func (institutionArchives) Help() string {
	return `An institution sends documents whose registration certificate names one of these memberships. Give all it has from now on; what it
sends is judged by them within some seconds. The operator's credentials are found as by naru institution add.

Example:
  naru institution archives 0191d0a1-0000-7000-8000-000000000001 --archive-member '시험용 전자문서보관소=시험용나루터'`
}

// Run records the memberships.
func (c *institutionArchives) Run(a *app) error {
	memberships, err := c.memberships()
	if err != nil {
		return err
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	institution, err := operator.ReplaceArchiveMemberships(a.ctx, c.ID, memberships...)
	if err != nil {
		return err
	}
	return a.show(institution, func() error {
		for _, m := range institution.GetArchiveMemberships() {
			if err := a.say("%s  %s=%s", institution.GetId(), m.GetArchive(), m.GetMember()); err != nil {
				return err
			}
		}
		return nil
	})
}

// request is what is asked for. In a sandbox the institution is by default the member of the archive that naru send registers by.
func (c *institutionAdd) request(p *place) (*gatewayv1.CreateInstitutionRequest, error) {
	if c.Sandbox && len(c.ArchiveMember) == 0 && p.Demo != nil {
		var member endpoints.ArchiveMember
		if err := endpoints.ReadJSON(p.Demo.ArchiveMember, &member); err != nil {
			return nil, fmt.Errorf("read the archive member: %w", err)
		}
		c.ArchiveMember = []string{member.Archive + "=" + member.Name}
	}
	memberships, err := c.memberships()
	if err != nil {
		return nil, err
	}
	business, registration, err := c.documents()
	if err != nil {
		return nil, err
	}
	return &gatewayv1.CreateInstitutionRequest{
		Institution: &addressv1.Institution{
			Name: c.Name, BusinessNumber: c.BusinessNumber, Address: c.Address,
			Type:               addressv1.OrganisationType(addressv1.OrganisationType_value[enumName("ORGANISATION_TYPE_", c.Type)]),
			ArchiveMemberships: memberships,
		},
		BusinessDocument: business, RegistrationDocument: registration,
	}, nil
}

func (c *papers) documents() (business, registration []byte, err error) {
	given := c.BusinessDocument != "" && c.RegistrationDocument != ""
	switch {
	case c.Sandbox && (c.BusinessDocument != "" || c.RegistrationDocument != ""):
		return nil, nil, usage("--sandbox makes both documents; leave --business-document and --registration-document out")
	case c.Sandbox:
		picture, err := sample.JPEG()
		return picture, picture, err
	case !given:
		return nil, nil, usage("--business-document and --registration-document are required (or --sandbox)")
	}
	for _, d := range []struct {
		path string
		into *[]byte
	}{{c.BusinessDocument, &business}, {c.RegistrationDocument, &registration}} {
		if *d.into, err = endpoints.ReadUpTo(d.path, maxDocumentBytes); err != nil {
			return nil, nil, err
		}
	}
	return business, registration, nil
}

const maxDocumentBytes = 2 << 20

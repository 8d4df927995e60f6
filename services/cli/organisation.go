package cli

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/services/client/relay"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

type organisationCommand struct {
	Apply       organisationApply       `cmd:"" help:"Apply for an organisation by a test person of the sandbox, without a browser."`
	List        organisationList        `cmd:"" help:"List the applications for organisations that wait, oldest first."`
	Show        organisationShow        `cmd:"" help:"Show an application with the applicant's proved name, and save its papers."`
	Confirm     organisationConfirm     `cmd:"" help:"Say that the papers prove the organisation, and that the applicant represents it."`
	Refuse      organisationRefuse      `cmd:"" help:"Refuse an application for a reason that the applicant is shown."`
	Authorities organisationAuthorities `cmd:"" help:"List who may act for an organisation, and whose authority has ended."`
	End         organisationEnd         `cmd:"" help:"End a person's authority, also the last representative's."`
}

type organisationApply struct {
	Person         string `required:"" placeholder:"ID" help:"Id of the test person who represents it, at the sandbox's identity provider."`
	Name           string `required:"" help:"Name exactly as on the business registration certificate, 1-40 characters."`
	BusinessNumber string `required:"" placeholder:"DIGITS" help:"사업자등록번호, 10 digits."`
	Type           string `required:"" enum:"${organisationTypes}" help:"One of ${enum}."`
	papers
	TermsVersion string `default:"sandbox-1" help:"Version of the terms consented to."`
	RequestID    string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id applies once. Default: a new one."`
	RedirectURI  string `name:"redirect-uri" placeholder:"URL" help:"Where the identity proof comes back to; one of the relay's configured ones. Default: the endpoint file's."`
}

// Help is shown by naru organisation apply --help.
func (organisationApply) Help() string {
	return `Runs the identity proof (본인확인) with the sandbox's identity provider and applies, with consent and a designated inbox. An operator confirms
(naru organisation confirm); then what is sent to the business number is delivered.

Example:
  naru organisation apply --person harbor --sandbox --name 시험용항구상사 --business-number 0001234560 --type corporation`
}

// Run applies.
func (c *organisationApply) Run(a *app) error {
	business, registration, err := c.documents()
	if err != nil {
		return err
	}
	session, err := a.prove(c.Person, c.RedirectURI)
	if err != nil {
		return err
	}
	asked, err := session.ApplyForOrganisation(a.ctx, &addressv1.ApplyForOrganisationRequest{
		Application: &addressv1.OrganisationApplication{
			Name: c.Name, BusinessNumber: c.BusinessNumber, TermsVersion: c.TermsVersion,
			Type: addressv1.OrganisationType(addressv1.OrganisationType_value[enumName("ORGANISATION_TYPE_", c.Type)]),
		},
		RequestId: cmp.Or(c.RequestID, uuid.NewString()), Consent: true, DesignateInbox: true, BusinessDocument: business, RegistrationDocument: registration,
	})
	if err != nil {
		return err
	}
	return a.show(asked, func() error { return a.say("%s  %s", asked.GetId(), relay.Word(asked.GetState())) })
}

type organisationList struct{}

// Help is shown by naru organisation list --help.
func (organisationList) Help() string {
	return `An organisation (기업, 기관) receives documents sent to its business number once a person has applied for it and you have confirmed that
this person represents it. The operator's credentials are found as by naru institution add.

Example:
  naru organisation list`
}

// Run lists.
func (organisationList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	waiting, err := pages(a.ctx, operator.Applications)
	if err != nil {
		return err
	}
	return a.show(&addressv1.ListApplicationsResponse{Applications: waiting}, func() error {
		if len(waiting) == 0 {
			return a.say("nothing waits")
		}
		return a.table([]string{"ID", "ASKED", "TYPE", "NUMBER", "NAME"}, func(row func(...string)) {
			for _, one := range waiting {
				row(one.GetId(), relay.Time(one.GetAskedAt()), relay.Word(one.GetType()), one.GetBusinessNumber(), one.GetName())
			}
		})
	})
}

type organisationShow struct {
	ID                   string `arg:"" help:"Id of the application."`
	BusinessDocument     string `type:"path" placeholder:"FILE" help:"Where 사업자등록증 사본 is written (JPEG, rights 0600). The file must not exist."`
	RegistrationDocument string `type:"path" placeholder:"FILE" help:"Where 공인전자주소 등록 신청서 is written, in the same way."`
}

// Help is shown by naru organisation show --help.
func (organisationShow) Help() string {
	return `The papers are kept until the application is refused or the hub has them.

Example:
  naru organisation show 0191d0a1-0000-7000-8000-000000000001 --business-document license.jpg --registration-document application.jpg`
}

// Run shows the application and writes its papers.
func (c *organisationShow) Run(a *app) (err error) {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	files := map[string]*output{}
	for _, path := range []string{c.BusinessDocument, c.RegistrationDocument} {
		if path == "" {
			continue
		}
		if files[path], err = reserve(path, false); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, files[path].drop()) }()
	}
	found, err := operator.Application(a.ctx, c.ID)
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{c.BusinessDocument: found.GetBusinessDocument(), c.RegistrationDocument: found.GetRegistrationDocument()} {
		if path == "" {
			continue
		}
		if len(content) == 0 {
			return errors.New("the papers are not kept any more")
		}
		if err := files[path].fill(content, 0o600); err != nil {
			return err
		}
	}
	// They are in the files where somebody wants them.
	found.BusinessDocument, found.RegistrationDocument = nil, nil
	one := found.GetApplication()
	return a.show(found, func() error {
		return a.say("%s  %s\n%s  %s  %s\napplicant: %s  %s", one.GetId(), relay.Word(one.GetState()), one.GetName(), one.GetBusinessNumber(), relay.Word(one.GetType()),
			found.GetApplicantName(), found.GetApplicantBirthDate())
	})
}

type organisationConfirm struct {
	ID string `arg:"" help:"Id of the application."`
}

// Help is shown by naru organisation confirm --help.
func (organisationConfirm) Help() string {
	return `The applicant's authority is recorded with your act, and the registration of the organisation's address becomes due at the hub. If the
organisation has joined already, the applicant becomes a further representative. Repeating it changes nothing.

Example:
  naru organisation confirm 0191d0a1-0000-7000-8000-000000000001`
}

// Run confirms.
func (c *organisationConfirm) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	confirmed, err := operator.ConfirmApplication(a.ctx, c.ID)
	if err != nil {
		return err
	}
	return a.show(confirmed, func() error {
		return a.say("%s  confirmed  organisation %s", confirmed.GetId(), confirmed.GetOrganisation())
	})
}

type organisationRefuse struct {
	ID     string `arg:"" help:"Id of the application."`
	Reason string `required:"" help:"Why, 1-200 characters, without personal data. The applicant is shown it."`
}

// Help is shown by naru organisation refuse --help.
func (organisationRefuse) Help() string {
	return `The papers are deleted. The applicant may apply again. Repeating it changes nothing.

Example:
  naru organisation refuse 0191d0a1-0000-7000-8000-000000000001 --reason '사업자등록증이 읽히지 않음'`
}

// Run refuses.
func (c *organisationRefuse) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	refused, err := operator.RefuseApplication(a.ctx, c.ID, c.Reason)
	if err != nil {
		return err
	}
	return a.show(refused, func() error { return a.say("%s  refused", refused.GetId()) })
}

type organisationAuthorities struct {
	Organisation string `arg:"" help:"Recipient id of the organisation, as naru organisation confirm tells it."`
}

// Help is shown by naru organisation authorities --help.
func (organisationAuthorities) Help() string {
	return `Names are kept sealed and are shown to the organisation's representatives alone.

Example:
  naru organisation authorities 0191d0a1-0000-4000-8000-000000000001`
}

// Run lists.
func (c *organisationAuthorities) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	all, err := pages(a.ctx, func(ctx context.Context, query url.Values) ([]*addressv1.Authority, string, error) {
		return operator.Authorities(ctx, c.Organisation, query)
	})
	if err != nil {
		return err
	}
	return a.show(&addressv1.ListOrganisationAuthoritiesResponse{Authorities: all}, func() error {
		return a.table([]string{"ID", "ROLE", "RIGHTS", "PERSON", "GRANTED", "ENDED"}, func(row func(...string)) {
			for _, one := range all {
				rights := make([]string, len(one.GetRights()))
				for i, right := range one.GetRights() {
					rights[i] = relay.Word(right)
				}
				row(one.GetId(), relay.Word(one.GetRole()), strings.Join(rights, ","), one.GetPerson(), relay.Time(one.GetGrantedAt()), relay.Time(one.GetEndedAt()))
			}
		})
	})
}

type organisationEnd struct {
	Organisation string `arg:"" help:"Recipient id of the organisation."`
	ID           string `arg:"" help:"Id of the authority."`
	Reason       string `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru organisation end --help.
func (organisationEnd) Help() string {
	return `From then on the person gets no session and no viewing token for the organisation. The next representative comes by an application.
Repeating it changes nothing.

Example:
  naru organisation end 0191d0a1-0000-4000-8000-000000000001 0191d0a1-0000-7000-8000-000000000001 --reason '퇴임'`
}

// Run ends the authority.
func (c *organisationEnd) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if err := operator.EndAuthority(a.ctx, c.Organisation, c.ID, c.Reason); err != nil {
		return err
	}
	return a.show(map[string]string{"organisation": c.Organisation, "id": c.ID}, func() error { return a.say("%s  ended", c.ID) })
}

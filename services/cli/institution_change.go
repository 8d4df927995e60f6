package cli

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	"github.com/naru-relay/naru/services/client/poll"
	"github.com/naru-relay/naru/services/client/relay"
)

type institutionChange struct {
	ID string `arg:"" help:"Principal id of the institution."`
	papers
	Name      string `help:"The new name, exactly as on the business registration certificate, at most 40 characters; with both documents. Default: it stays."`
	Type      string `enum:"${organisationTypes}," default:"" help:"The new type, one of ${enum}. Default: it stays."`
	RequestID string `placeholder:"ID" help:"Your id of this request, 1-64 characters; the same id enters the same once. Default: a new one."`
}

// Help is shown by naru institution change --help.
func (institutionChange) Help() string {
	return `The name before is used until the hub has the new one. Another type alone needs no documents. The operator's credentials are found as by naru
institution add. After an answer that was lost, repeat the command with the same --request-id.

Example:
  naru institution change 0191d0a1-0000-7000-8000-000000000001 --rest https://relay.example --credentials operator.json \
       --name … --business-document license.jpg --registration-document application.jpg`
}

// Run enters the change and waits for the hub.
func (c *institutionChange) Run(a *app) error {
	request := &addressv1.ChangeInstitutionRequest{RequestId: cmp.Or(c.RequestID, uuid.NewString()), Name: c.Name}
	if c.Type != "" {
		request.Type = addressv1.OrganisationType(addressv1.OrganisationType_value[enumName("ORGANISATION_TYPE_", c.Type)])
	}
	switch {
	case c.Name == "" && c.Type == "":
		return usage("--name or --type is required")
	case c.Name == "" && (c.BusinessDocument != "" || c.RegistrationDocument != "" || c.Sandbox):
		return usage("another type alone has no documents")
	case c.Name != "":
		var err error
		if request.BusinessDocument, request.RegistrationDocument, err = c.documents(); err != nil {
			return err
		}
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	asked, err := operator.ChangeInstitution(a.ctx, c.ID, request)
	if err != nil {
		return err
	}
	a.progress("waiting for the hub to take the change …")
	institution, err := awaitChanged(a.ctx, operator, c.ID, asked.GetNameChange().GetId())
	if err != nil {
		return err
	}
	return a.show(institution, func() error {
		return a.say("%s  %s  %s", institution.GetId(), institution.GetName(), relay.Word(institution.GetType()))
	})
}

// awaitChanged waits until the hub has a change of an institution.
func awaitChanged(ctx context.Context, operator *relay.Client, id, change string) (institution *addressv1.Institution, err error) {
	err = poll.Until(ctx, "the change at the hub", func(ctx context.Context) (bool, error) {
		if institution, err = operator.Institution(ctx, id); err != nil {
			return false, err
		}
		switch now := institution.GetNameChange(); {
		case now.GetId() != change, now.GetState() == addressv1.NameChangeState_NAME_CHANGE_STATE_REPLACED:
			return false, fmt.Errorf("change %s was replaced by another one", change)
		case now.GetState() == addressv1.NameChangeState_NAME_CHANGE_STATE_REFUSED:
			return false, fmt.Errorf("the hub refuses change %s: %s (naru name list shows whether it is told again)", change, now.GetRefusal())
		default:
			return now.GetState() == addressv1.NameChangeState_NAME_CHANGE_STATE_ACCEPTED, nil
		}
	})
	return institution, err
}

package cli

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/naru-relay/naru/services/client/relay"

	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

type invitationCommand struct {
	List   invitationList   `cmd:"" help:"List the invitations that could not be given so far, the oldest first."`
	Retry  invitationRetry  `cmd:"" help:"Have the channel called again at once."`
	GiveUp invitationGiveUp `cmd:"" help:"End invitations; the documents that wait for them fail. It cannot be taken back."`
}

type invitationList struct{}

// Help is shown by naru invitation list --help.
func (invitationList) Help() string {
	return `Recipients who are members nowhere are invited at the contact that the sender gave. No contact is shown. The operator's credentials are
found as by naru institution add. The runbook InvitationsFailing says what the errors mean.

Example:
  naru invitation list`
}

// Run lists.
func (c *invitationList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	waiting, err := pages(a.ctx, operator.WaitingInvitations)
	if err != nil {
		return err
	}
	return a.show(&deliveryv1.ListInvitationsResponse{Invitations: waiting}, func() error {
		if len(waiting) == 0 {
			return a.say("no invitation has failed")
		}
		return a.table([]string{"ID", "SENDER", "DOCUMENTS", "SINCE", "ATTEMPTS", "AGAIN", "ERROR"}, func(row func(...string)) {
			for _, i := range waiting {
				row(i.GetId(), i.GetSender(), strconv.Itoa(int(i.GetDocuments())), relay.Time(i.GetDueSince()), strconv.Itoa(int(i.GetAttempts())),
					relay.Time(i.GetNextAttemptAt()), i.GetLastError())
			}
		})
	})
}

type invitationRetry struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Ids of invitations, as naru invitation list tells them."`
	All bool     `help:"All that wait when the command begins."`
}

// Help is shown by naru invitation retry --help.
func (invitationRetry) Help() string {
	return `Repair the channel first. A pause that it asked for ends. The operator's credentials are found as by naru institution add.

Example:
  naru invitation retry --all`
}

// Run orders the calls.
func (c *invitationRetry) Run(a *app) error {
	if (len(c.IDs) > 0) == c.All {
		return usage("give ids of invitations, or --all")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		waiting, err := pages(a.ctx, operator.WaitingInvitations)
		if err != nil {
			return err
		}
		for _, i := range waiting {
			c.IDs = append(c.IDs, i.GetId())
		}
	}
	sum := &deliveryv1.RetryInvitationsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
		answer, err := operator.RetryInvitations(a.ctx, ids...)
		if err != nil {
			return fmt.Errorf("%d to be given again, then: %w", sum.GetRetried(), err)
		}
		sum.Retried += answer.GetRetried()
	}
	return a.sum(sum, "%d of %d invitations to be given again", int(sum.GetRetried()), len(c.IDs))
}

type invitationGiveUp struct {
	IDs    []string `arg:"" name:"id" help:"Ids of invitations that wait, as naru invitation list tells them."`
	Reason string   `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru invitation give-up --help.
func (invitationGiveUp) Help() string {
	return `The documents that wait for the invitations end with INVITATION_FAILED; their senders may send again. The operator's credentials are found as
by naru institution add.

Example:
  naru invitation give-up 0191d0a1-0000-7000-8000-000000000001 --reason 'no channel to abroad'`
}

// Run gives up.
func (c *invitationGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	sum := &deliveryv1.GiveUpInvitationsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
		answer, err := operator.GiveUpInvitations(a.ctx, c.Reason, ids...)
		if err != nil {
			return fmt.Errorf("%d given up, then: %w", sum.GetGivenUp(), err)
		}
		sum.GivenUp += answer.GetGivenUp()
	}
	return a.sum(sum, "%d of %d invitations given up", int(sum.GetGivenUp()), len(c.IDs))
}

package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/naru-relay/naru/services/client/relay"

	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

type noticeCommand struct {
	List   noticeList   `cmd:"" help:"List the notices that recipients have not got, in rounds, the oldest first."`
	Retry  noticeRetry  `cmd:"" help:"Have the notice URL called again at once."`
	GiveUp noticeGiveUp `cmd:"" help:"End rounds of notices without telling their recipients."`
}

type noticeList struct {
	GivenUp bool `help:"Those that were given up, in place of those that wait for their next call."`
}

// Help is shown by naru notice list --help.
func (noticeList) Help() string {
	return `A round is one call of the notice URL for up to a hundred documents. The operator's credentials are found as by naru institution add. The
runbook NoticesFailing says what the errors mean.

Example:
  naru notice list --given-up`
}

// Run lists.
func (c *noticeList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	rounds, err := a.noticeRounds(operator, c.GivenUp)
	if err != nil {
		return err
	}
	return a.show(&deliveryv1.ListNoticeRoundsResponse{Rounds: rounds}, func() error {
		if len(rounds) == 0 {
			return a.say("no round of notices has failed")
		}
		return a.table([]string{"ID", "DOCUMENTS", "SINCE", "ATTEMPTS", "AGAIN", "ERROR"}, func(row func(...string)) {
			for _, r := range rounds {
				row(r.GetId(), strconv.Itoa(len(r.GetEdocNums())), relay.Time(r.GetReceivedAt()), strconv.Itoa(int(r.GetAttempts())),
					relay.Time(r.GetNextAttemptAt()), r.GetLastError())
			}
		})
	})
}

func (a *app) noticeRounds(operator *relay.Client, givenUp bool) ([]*deliveryv1.NoticeRound, error) {
	return pages(a.ctx, func(ctx context.Context, query url.Values) ([]*deliveryv1.NoticeRound, string, error) {
		if givenUp {
			query.Set("givenUp", "true")
		}
		return operator.NoticeRounds(ctx, query)
	})
}

type noticeRetry struct {
	IDs     []string `arg:"" optional:"" name:"id" help:"Ids of rounds, as naru notice list tells them."`
	All     bool     `help:"All that wait when the command begins."`
	GivenUp bool     `help:"With --all: all that were given up, in place of those that wait."`
}

// Help is shown by naru notice retry --help.
func (noticeRetry) Help() string {
	return `Repair the receiver first. A round that was given up begins anew, under another id. A pause that the URL asked for ends. Documents that have
been read meanwhile are left out. The operator's credentials are found as by naru institution add.

Example:
  naru notice retry --all --given-up`
}

// Run orders the calls.
func (c *noticeRetry) Run(a *app) error {
	if (len(c.IDs) > 0) == c.All || (c.GivenUp && !c.All) {
		return usage("give ids of rounds, or --all (with --given-up)")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		rounds, err := a.noticeRounds(operator, c.GivenUp)
		if err != nil {
			return err
		}
		for _, r := range rounds {
			c.IDs = append(c.IDs, r.GetId())
		}
	}
	sum := &deliveryv1.RetryNoticeRoundsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
		answer, err := operator.RetryNoticeRounds(a.ctx, ids...)
		if err != nil {
			return fmt.Errorf("%d to be called again, then: %w", sum.GetRetried(), err)
		}
		sum.Retried += answer.GetRetried()
	}
	return a.sum(sum, "%d of %d rounds to be called again", int(sum.GetRetried()), len(c.IDs))
}

type noticeGiveUp struct {
	IDs    []string `arg:"" name:"id" help:"Ids of rounds that wait, as naru notice list tells them."`
	Reason string   `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru notice give-up --help.
func (noticeGiveUp) Help() string {
	return `For notices that nobody has to get any more. The rounds stay on record (naru notice list --given-up), and naru notice retry takes them up
again. The operator's credentials are found as by naru institution add.

Example:
  naru notice give-up 0191d0a1-0000-7000-8000-000000000001 --reason 'told by letter'`
}

// Run gives up.
func (c *noticeGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	sum := &deliveryv1.GiveUpNoticeRoundsResponse{}
	for ids := range slices.Chunk(c.IDs, maxAtOnce) {
		answer, err := operator.GiveUpNoticeRounds(a.ctx, c.Reason, ids...)
		if err != nil {
			return fmt.Errorf("%d given up, then: %w", sum.GetGivenUp(), err)
		}
		sum.GivenUp += answer.GetGivenUp()
	}
	return a.sum(sum, "%d of %d rounds given up", int(sum.GetGivenUp()), len(c.IDs))
}

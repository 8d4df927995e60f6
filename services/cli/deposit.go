package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/naru-relay/naru/services/client/relay"

	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

type depositCommand struct {
	List   depositList   `cmd:"" help:"List the documents that are not deposited at the archive, the oldest first."`
	Retry  depositRetry  `cmd:"" help:"Have deposits tried at once."`
	GiveUp depositGiveUp `cmd:"" help:"End deposits; their documents fail."`
}

type depositList struct {
	Ended bool `help:"Those that ended without a deposit, in place of those that wait for their next attempt."`
}

// Help is shown by naru deposit list --help.
func (depositList) Help() string {
	return `A document that this relay shows is deposited at the certified archive before it is delivered. Here are those whose last attempt failed. The operator's
credentials are found as by naru institution add.

Example:
  naru deposit list --ended`
}

// Run lists.
func (c *depositList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	deposits, err := a.deposits(operator, c.Ended)
	if err != nil {
		return err
	}
	return a.show(&archivev1.ListDepositsResponse{Deposits: deposits}, func() error {
		if len(deposits) == 0 {
			return a.say("no deposit has failed")
		}
		return a.table([]string{"DOCUMENT", "SENDER", "SINCE", "ATTEMPTS", "AGAIN", "ENDED", "ERROR"}, func(row func(...string)) {
			for _, d := range deposits {
				row(d.GetEdocNum(), d.GetSender(), relay.Time(d.GetDueSince()), strconv.Itoa(int(d.GetAttempts())), relay.Time(d.GetNextAttemptAt()),
					relay.Time(d.GetEndedAt()), d.GetLastError())
			}
		})
	})
}

func (a *app) deposits(operator *relay.Client, ended bool) ([]*archivev1.Deposit, error) {
	return pages(a.ctx, func(ctx context.Context, query url.Values) ([]*archivev1.Deposit, string, error) {
		if ended {
			query.Set("ended", "true")
		}
		return operator.Deposits(ctx, query)
	})
}

type depositRetry struct {
	Numbers []string `arg:"" optional:"" name:"number" help:"Numbers of documents, as naru deposit list tells them."`
	All     bool     `help:"All that wait when the command begins."`
}

// Help is shown by naru deposit retry --help.
func (depositRetry) Help() string {
	return `Once the archive is repaired, the first deposit that it takes makes all others due that wait for it; this is for those that wait for another reason, such as
a wrong certificate. The operator's credentials are found as by naru institution add.

Example:
  naru deposit retry --all`
}

// Run orders the calls.
func (c *depositRetry) Run(a *app) error {
	if (len(c.Numbers) > 0) == c.All {
		return usage("give numbers of documents, or --all")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		deposits, err := a.deposits(operator, false)
		if err != nil {
			return err
		}
		for _, d := range deposits {
			c.Numbers = append(c.Numbers, d.GetEdocNum())
		}
	}
	sum := &archivev1.RetryDepositsResponse{}
	for numbers := range slices.Chunk(c.Numbers, maxAtOnce) {
		answer, err := operator.RetryDeposits(a.ctx, numbers...)
		if err != nil {
			return fmt.Errorf("%d to be tried again, then: %w", sum.GetRetried(), err)
		}
		sum.Retried += answer.GetRetried()
	}
	return a.sum(sum, "%d of %d deposits to be tried again", int(sum.GetRetried()), len(c.Numbers))
}

type depositGiveUp struct {
	Numbers []string `arg:"" name:"number" help:"Numbers of documents that wait, as naru deposit list tells them."`
	Reason  string   `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru deposit give-up --help.
func (depositGiveUp) Help() string {
	return `A document that is not deposited is never delivered: it fails (DEPOSIT_GIVEN_UP), and its sender may send it anew. The operator's credentials are found as
by naru institution add.

Example:
  naru deposit give-up 20260302_NARU000001_0000000000001 --reason 'the archive does not take this form'`
}

// Run gives up.
func (c *depositGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	sum := &archivev1.GiveUpDepositsResponse{}
	for numbers := range slices.Chunk(c.Numbers, maxAtOnce) {
		answer, err := operator.GiveUpDeposits(a.ctx, c.Reason, numbers...)
		if err != nil {
			return fmt.Errorf("%d given up, then: %w", sum.GetGivenUp(), err)
		}
		sum.GivenUp += answer.GetGivenUp()
	}
	return a.sum(sum, "%d of %d deposits given up", int(sum.GetGivenUp()), len(c.Numbers))
}

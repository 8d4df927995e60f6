package cli

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/naru-relay/naru/services/client/relay"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

type addressCheck struct {
	Addresses []string `arg:"" optional:"" name:"address" help:"Certified addresses (공인전자주소) of this relay. Default: all."`
	All       bool     `help:"Show also those about which hub and relay say the same."`
}

// Help is shown by naru address check --help.
func (addressCheck) Help() string {
	return `The hub is asked once or twice about each address: who owns it and since when, and of a withdrawn one whether its history has it. Nothing is changed,
and no name is shown. The operator's credentials are found as by naru institution add. Exit code 1 if anything differs.

Example:
  naru address check ferry-1`
}

// errAddressesDiffer is the outcome of a check that found something.
var errAddressesDiffer = errors.New("the hub says otherwise than this relay")

// Run compares.
func (c *addressCheck) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	checked, err := c.check(a, operator)
	if err != nil {
		return err
	}
	same := func(one *addressv1.CheckedAddress) bool {
		return len(one.GetDifferences()) == 0 && !one.GetUnreadable()
	}
	differ := slices.ContainsFunc(checked, func(one *addressv1.CheckedAddress) bool { return len(one.GetDifferences()) > 0 })
	n := len(checked)
	if !c.All {
		checked = slices.DeleteFunc(checked, same)
	}
	if err := a.show(&addressv1.CheckAddressesResponse{Addresses: checked}, func() error {
		if len(checked) == 0 {
			return a.say("%d addresses are at the hub as they are here", n)
		}
		return a.table([]string{"ADDRESS", "STATE", "DIFFERENCES"}, func(row func(...string)) {
			for _, one := range checked {
				row(one.GetAddress(), relay.Word(one.GetState()), cmp.Or(differences(one), "-"))
			}
		})
	}); err != nil {
		return err
	}
	if differ {
		return errAddressesDiffer
	}
	return nil
}

func (c *addressCheck) check(a *app, operator *relay.Client) ([]*addressv1.CheckedAddress, error) {
	if len(c.Addresses) == 0 {
		return pages(a.ctx, operator.CheckAddresses)
	}
	var all []*addressv1.CheckedAddress
	for few := range slices.Chunk(c.Addresses, maxCheckedAddresses) {
		found, _, err := operator.CheckAddresses(a.ctx, url.Values{"addresses": few})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// maxCheckedAddresses is the relay's bound of addresses in one request.
const maxCheckedAddresses = 20

func differences(one *addressv1.CheckedAddress) string {
	var words []string
	for _, d := range one.GetDifferences() {
		words = append(words, relay.Word(d))
	}
	if one.GetUnreadable() {
		words = append(words, "unreadable here")
	}
	return strings.Join(words, ", ")
}

type nameCommand struct {
	List   nameList   `cmd:"" help:"List the changes of names or types that the hub does not have, the oldest first."`
	Retry  nameRetry  `cmd:"" help:"Have the hub told again, at once."`
	GiveUp nameGiveUp `cmd:"" help:"End telling the hub of refused changes."`
}

type nameList struct {
	Only []string `placeholder:"REFUSAL" help:"Only those refused for this, e.g. HUB_REFUSED:ERR-01-201; repeatable."`
}

// Help is shown by naru name list --help.
func (nameList) Help() string {
	return `A member's other name comes from its identity proof, an organisation's from its representative, an institution's from naru institution change.
AGAIN is when the hub is told next. The operator's credentials are found as by naru institution add. The runbook AddressesRefused says what to do.

Example:
  naru name list --only ADDRESS_UNKNOWN`
}

// Run lists.
func (c *nameList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	found, err := waitingNames(a.ctx, operator, c.Only)
	if err != nil {
		return err
	}
	return a.show(&addressv1.ListNameChangesResponse{Changes: found}, func() error {
		if len(found) == 0 {
			return a.say("the hub has every name")
		}
		return a.table([]string{"CHANGE", "ADDRESS", "OWNER", "STATE", "REFUSAL", "SINCE", "AGAIN"}, func(row func(...string)) {
			for _, one := range found {
				row(one.GetId(), one.GetAddress(), cmp.Or(one.GetPrincipal(), one.GetRecipient()), relay.Word(one.GetState()), cmp.Or(one.GetRefusal(), "-"),
					relay.Time(one.GetAskedAt()), relay.Time(one.GetAskedAgainAt()))
			}
		})
	})
}

// waitingNames reads the whole queue, or what was refused for one of the reasons.
func waitingNames(ctx context.Context, operator *relay.Client, only []string) ([]*addressv1.WaitingNameChange, error) {
	found, err := pages(ctx, operator.NameChanges)
	if err != nil || len(only) == 0 {
		return found, err
	}
	return slices.DeleteFunc(found, func(one *addressv1.WaitingNameChange) bool { return !slices.Contains(only, one.GetRefusal()) }), nil
}

type nameRetry struct {
	Changes []string `arg:"" optional:"" name:"change" help:"Ids of changes."`
	All     bool     `help:"All that the hub does not have when the command begins."`
	Only    []string `placeholder:"REFUSAL" help:"With --all: only those refused for this; repeatable."`
}

// Help is shown by naru name retry --help.
func (nameRetry) Help() string {
	return `If the hub refuses again, it is told again by itself as long as after the first refusal. The operator's credentials are found as by naru institution add.

Example:
  naru name retry --all --only HUB_REFUSED:ERR-01-201`
}

// Run orders the retries.
func (c *nameRetry) Run(a *app) error {
	if (len(c.Changes) > 0) == c.All || (len(c.Only) > 0 && !c.All) {
		return usage("give changes, or --all (with --only)")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		found, err := waitingNames(a.ctx, operator, c.Only)
		if err != nil {
			return err
		}
		for _, one := range found {
			c.Changes = append(c.Changes, one.GetId())
		}
	}
	return a.bulk(c.Changes, "the hub is told again", func(id string) error { return operator.RetryNameChange(a.ctx, id) })
}

type nameGiveUp struct {
	Changes []string `arg:"" name:"change" help:"Ids of refused changes."`
	Reason  string   `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru name give-up --help.
func (nameGiveUp) Help() string {
	return `The name before stays in use; naru name retry takes a change up again. The operator's credentials are found as by naru institution add.

Example:
  naru name give-up 0191d0a1-0000-7000-8000-000000000001 --reason 'the documents were of another company'`
}

// Run gives up.
func (c *nameGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	return a.bulk(c.Changes, "given up", func(id string) error { return operator.GiveUpNameChange(a.ctx, id, c.Reason) })
}

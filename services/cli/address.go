package cli

import (
	"cmp"
	"slices"

	"github.com/naru-relay/naru/services/client/relay"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

type addressCommand struct {
	Refused addressRefused `cmd:"" help:"List the certified addresses that the hub refuses, those refused first before the others."`
	Retry   addressRetry   `cmd:"" help:"Have the hub asked again about refused addresses, at once."`
	GiveUp  addressGiveUp  `cmd:"" help:"End asking the hub about refused addresses."`
	Check   addressCheck   `cmd:"" help:"Compare certified addresses with the hub."`
}

type addressRefused struct {
	Only []string `placeholder:"REFUSAL" help:"Only those refused for this, e.g. HUB_REFUSED:ERR-01-201; repeatable."`
}

// Help is shown by naru address refused --help.
func (addressRefused) Help() string {
	return `What the hub refuses by a code of its own it is asked again by itself for some days (refusal_patience of the address unit); AGAIN is when.
The operator's credentials are found as by naru institution add. The runbook AddressesRefused says what to do.

Example:
  naru address refused --only ADDRESS_TAKEN`
}

// Run lists.
func (c *addressRefused) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	found, err := a.refusedAddresses(operator, c.Only)
	if err != nil {
		return err
	}
	return a.show(&addressv1.ListRefusedAddressesResponse{Addresses: found}, func() error {
		if len(found) == 0 {
			return a.say("the hub refuses no address")
		}
		return a.table([]string{"ADDRESS", "OWNER", "REFUSAL", "SINCE", "AGAIN"}, func(row func(...string)) {
			for _, one := range found {
				row(one.GetAddress(), cmp.Or(one.GetPrincipal(), one.GetRecipient()), one.GetRefusal(), relay.Time(one.GetRefusedAt()), relay.Time(one.GetAskedAgainAt()))
			}
		})
	})
}

// refusedAddresses reads the whole queue, or what was refused for one of the reasons.
func (a *app) refusedAddresses(operator *relay.Client, only []string) ([]*addressv1.RefusedAddress, error) {
	found, err := pages(a.ctx, operator.RefusedAddresses)
	if err != nil || len(only) == 0 {
		return found, err
	}
	return slices.DeleteFunc(found, func(one *addressv1.RefusedAddress) bool { return !slices.Contains(only, one.GetRefusal()) }), nil
}

type addressRetry struct {
	Addresses []string `arg:"" optional:"" name:"address" help:"Certified addresses (공인전자주소)."`
	All       bool     `help:"All that are refused when the command begins."`
	Only      []string `placeholder:"REFUSAL" help:"With --all: only those refused for this; repeatable."`
}

// Help is shown by naru address retry --help.
func (addressRetry) Help() string {
	return `The hub is asked with what it was asked with before. If it refuses again, it is asked again by itself as long as after the first refusal.
The operator's credentials are found as by naru institution add.

Examples:
  naru address retry ferry-1
  naru address retry --all --only HUB_REFUSED:ERR-01-201`
}

// Run orders the retries.
func (c *addressRetry) Run(a *app) error {
	if (len(c.Addresses) > 0) == c.All || (len(c.Only) > 0 && !c.All) {
		return usage("give addresses, or --all (with --only)")
	}
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if c.All {
		found, err := a.refusedAddresses(operator, c.Only)
		if err != nil {
			return err
		}
		for _, one := range found {
			c.Addresses = append(c.Addresses, one.GetAddress())
		}
	}
	return a.bulk(c.Addresses, "the hub is asked again", func(address string) error { return operator.RetryRefusedAddress(a.ctx, address) })
}

type addressGiveUp struct {
	Addresses []string `arg:"" name:"address" help:"Certified addresses (공인전자주소)."`
	Reason    string   `required:"" help:"Why, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru address give-up --help.
func (addressGiveUp) Help() string {
	return `For addresses that nobody waits for any more. They stay refused and leave the list; naru address retry takes them up again. The operator's
credentials are found as by naru institution add.

Example:
  naru address give-up ferry-1 --reason 'taken at the hub; the institution was made with another address'`
}

// Run gives up.
func (c *addressGiveUp) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	return a.bulk(c.Addresses, "given up", func(address string) error { return operator.GiveUpRefusedAddress(a.ctx, address, c.Reason) })
}

package cli

import (
	"strconv"

	"github.com/naru-relay/naru/services/client/relay"

	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

type identityCommand struct {
	Alike identityAlike `cmd:"" help:"List identities that look like one person: another CI, but the same name, birth date and telephone number."`
	Merge identityMerge `cmd:"" help:"Say that an identity is the same person as another. It cannot be taken back."`
}

type identityAlike struct{}

// Help is shown by naru identity alike --help.
func (identityAlike) Help() string {
	return `Identities of one group look like one person; who proved first stands first. Nothing of the person is shown. The operator's credentials
are found as by naru institution add.

Example:
  naru identity alike`
}

// Run lists.
func (identityAlike) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	identities, err := pages(a.ctx, operator.AlikeIdentities)
	if err != nil {
		return err
	}
	return a.show(&addressv1.ListAlikeIdentitiesResponse{Identities: identities}, func() error {
		if len(identities) == 0 {
			return a.say("no identities are alike")
		}
		return a.table([]string{"GROUP", "RECIPIENT", "PROVED", "MEMBERSHIP"}, func(row func(...string)) {
			for _, i := range identities {
				membership := ""
				if i.GetMembership() != addressv1.MemberState_MEMBER_STATE_UNSPECIFIED {
					membership = relay.Word(i.GetMembership())
				}
				row(strconv.Itoa(int(i.GetGroup())), i.GetRecipient(), relay.Time(i.GetProvedAt()), membership)
			}
		})
	})
}

type identityMerge struct {
	Recipient string `arg:"" help:"Recipient id that is merged. It has never been a member."`
	Into      string `required:"" placeholder:"RECIPIENT" help:"Recipient id that stays."`
	Reason    string `required:"" help:"By what it was proved, 1-200 characters, without personal data. Kept with your act."`
}

// Help is shown by naru identity merge --help.
func (identityMerge) Help() string {
	return `For a person with a new CI (연계정보), once you have seen the proof of the change. Whoever proves the merged identity acts as the other from
then on, and documents sent to its CI reach the other's inbox. It cannot be taken back; repeating it changes nothing. The
operator's credentials are found as by naru institution add.

Example:
  naru identity merge 0191d0a1-0000-7000-8000-000000000002 --into 0191d0a1-0000-7000-8000-000000000001 --reason 'resident registration abstract seen'`
}

// Run merges.
func (c *identityMerge) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	if err := operator.MergeIdentities(a.ctx, c.Recipient, c.Into, c.Reason); err != nil {
		return err
	}
	return a.show(map[string]string{"recipient": c.Recipient, "into": c.Into}, func() error { return a.say("%s is %s", c.Recipient, c.Into) })
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/naru-relay/naru/services/client/relay"
	"github.com/naru-relay/naru/services/registry"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

type holdCommand struct {
	List    holdList    `cmd:"" help:"List the legal holds in force, and which units have them."`
	Place   holdPlace   `cmd:"" help:"Keep everything about documents beyond its retention time, in every unit."`
	Release holdRelease `cmd:"" help:"End legal holds, in every unit."`
}

type holdList struct{}

// Help is shown by naru hold list --help.
func (holdList) Help() string {
	return `A hold has to be in every unit: UNITS tells in how many of them it is. A unit that does not answer is told and hides none of the others; the
command ends with 1 then. The operator's credentials are found as by naru institution add.

Example:
  naru hold list --json`
}

// heldSubject is a subject that an order holds, and the units that know of it.
type heldSubject struct {
	Subject   string   `json:"subject"`
	Reference string   `json:"reference"`
	PlacedAt  string   `json:"placedAt"`
	Units     []string `json:"units"`
}

// Run lists.
func (holdList) Run(a *app) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	byOrder, all, problems := map[[2]string]*heldSubject{}, []*heldSubject{}, []error{}
	units := registry.Units()
	for _, u := range units {
		holds, err := pages(a.ctx, func(ctx context.Context, query url.Values) ([]*platformv1.LegalHold, string, error) {
			return operator.LegalHolds(ctx, u.Name, query)
		})
		if err != nil {
			problems = append(problems, fmt.Errorf("unit %s: %w", u.Name, err))
			continue
		}
		for _, h := range holds {
			order := [2]string{h.GetSubject(), h.GetReference()}
			held, known := byOrder[order]
			if !known {
				held = &heldSubject{Subject: h.GetSubject(), Reference: h.GetReference(), PlacedAt: relay.Time(h.GetPlacedAt())}
				byOrder[order], all = held, append(all, held)
			}
			held.Units = append(held.Units, u.Name)
		}
	}
	err = a.show(all, func() error {
		if len(all) == 0 {
			if len(problems) > 0 {
				return nil
			}
			return a.say("nothing is held")
		}
		return a.table([]string{"SUBJECT", "REFERENCE", "SINCE", "UNITS"}, func(row func(...string)) {
			for _, h := range all {
				row(h.Subject, h.Reference, h.PlacedAt, fmt.Sprintf("%d of %d", len(h.Units), len(units)))
			}
		})
	})
	return errors.Join(append(problems, err)...)
}

// held is what a hold is about, and the order behind it.
type held struct {
	Subjects  []string `arg:"" name:"subject" help:"Document numbers (전자문서번호), or whatever else facts are about."`
	Reference string   `required:"" help:"The order, e.g. a court's file number: 1-200 characters, no personal data."`
}

type holdPlace struct{ held }

// Help is shown by naru hold place --help.
func (holdPlace) Help() string {
	return `Nothing about a held document is deleted, and no key of its time destroyed, in any unit, until each order about it is released. If a unit did
not answer, repeat the command. The operator's credentials are found as by naru institution add.

Example:
  naru hold place 20260302_NARU000001_0000000000001 --reference '2026가합1234'`
}

// Run places.
func (c *holdPlace) Run(a *app) error {
	return a.inEveryUnit(c.Subjects, "held", func(operator *relay.Client, unit, subject string) error {
		return operator.PlaceLegalHold(a.ctx, unit, subject, c.Reference)
	})
}

type holdRelease struct{ held }

// Help is shown by naru hold release --help.
func (holdRelease) Help() string {
	return `Ends what this order holds. What no other order holds and is past its retention time is deleted with the next look of each unit. The operator's
credentials are found as by naru institution add.

Example:
  naru hold release 20260302_NARU000001_0000000000001 --reference '2026가합1234'`
}

// Run releases.
func (c *holdRelease) Run(a *app) error {
	return a.inEveryUnit(c.Subjects, "released", func(operator *relay.Client, unit, subject string) error {
		return operator.ReleaseLegalHold(a.ctx, unit, subject, c.Reference)
	})
}

// inEveryUnit does the same for each subject in every unit; a subject is done if all units did it.
func (a *app) inEveryUnit(subjects []string, did string, do func(operator *relay.Client, unit, subject string) error) error {
	_, operator, err := a.operator()
	if err != nil {
		return err
	}
	return a.bulk(subjects, did, func(subject string) error {
		for _, u := range registry.Units() {
			if err := do(operator, u.Name, subject); err != nil {
				return fmt.Errorf("unit %s: %w", u.Name, err)
			}
		}
		return nil
	})
}

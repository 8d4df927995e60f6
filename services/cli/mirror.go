package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/mirror"
)

type mirrorCommand struct {
	Unit []string `placeholder:"UNIT" help:"Unit whose log is mirrored, repeatable. Default: every one whose key is in the folder of keys."`
	Keys string   `required:"" type:"existingdir" placeholder:"FOLDER" help:"Folder of the units' verifier keys (<unit>.vkey), taken once by a way you trust: of the logs, and of the witnesses."`
	To   string   `required:"" placeholder:"FOLDER" help:"Folder of the mirror, with a folder for each log; made if missing."`

	witnessFlags
	TimeStampRoots string `type:"existingfile" placeholder:"FILE" help:"PEM roots of the time-stamping authorities to believe. Without any, time stamps are not looked at."`
}

// Help is shown by naru mirror --help.
func (mirrorCommand) Help() string {
	return `Fetches the public logs of a relay's units into a folder (C2SP tlog-tiles), without any credentials, and takes nothing that does not extend what
is there: the signatures of the log and of a witness, every hash, and that the former tree is the beginning of the new one, are verified first; with
roots, time stamps are, too. Repeat it often, where nobody of the relay's machines can change the folder. naru evidence verify --mirror holds a
relay's records against it.

Exit codes: 0 each log is as it was or has grown, 1 something does not hold (it was forked, shortened or dated back, another key signs, or its
witness is away), 2 could not look. docs/verification.md tells what each code means and what to do.

Examples:
  naru mirror --rest https://relay.example --keys keys --to mirror
  naru mirror --rest https://relay.example --keys keys --witness neighbour.vkey --to mirror
  naru mirror --rest https://relay.example --unit intake --unit status --keys keys --time-stamp-roots tsa.pem --to mirror --json`
}

// Run mirrors.
func (c *mirrorCommand) Run(a *app) error {
	policy, err := c.policy()
	if err != nil {
		return err
	}
	results, err := c.mirror(a, policy)
	if len(results) == 0 && err != nil {
		return unseenError{fmt.Errorf("could not look: %w", err)}
	}
	if shown := a.show(results, func() error { return a.sayMirrored(results) }); shown != nil {
		return shown
	}
	if slices.ContainsFunc(results, func(r mirror.Result) bool { return len(r.Violations) > 0 }) {
		if err != nil {
			a.tell("could not look: %v", err)
		}
		return errDiffers
	}
	if err != nil {
		return unseenError{fmt.Errorf("could not look: %w", err)}
	}
	return nil
}

// mirror looks at each log; what kept it from looking at some is joined.
func (c *mirrorCommand) mirror(a *app, policy journal.WitnessPolicy) ([]mirror.Result, error) {
	p, err := a.place()
	if err != nil {
		return nil, err
	}
	keys, err := mirror.ReadKeysIn(c.Keys)
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if c.TimeStampRoots != "" {
		if roots, err = config.Roots(c.TimeStampRoots); err != nil {
			return nil, err
		}
	}
	for _, unit := range c.Unit {
		if !slices.ContainsFunc(keys, func(k mirror.Keys) bool { return k.Unit == unit }) {
			return nil, fmt.Errorf("the folder of keys has none of %s", unit)
		}
	}
	results, problems := []mirror.Result{}, []error{}
	for _, k := range keys {
		if len(c.Unit) > 0 && !slices.Contains(c.Unit, k.Unit) {
			continue
		}
		result, err := mirror.Update(a.ctx, mirror.Options{
			Unit: k.Unit, Fetch: mirror.FromRelay(p.http, p.REST, k.Unit), Folder: filepath.Join(c.To, k.Unit),
			Key: k.Log, Witnesses: mirror.Witnesses(keys, k.Unit), Roots: roots,
			Policy: policy, Now: a.clock.Now,
		})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		results = append(results, result)
	}
	return results, errors.Join(problems...)
}

func (a *app) sayMirrored(results []mirror.Result) error {
	var failures []error
	say := func(format string, args ...any) { failures = append(failures, a.say(format, args...)) }
	for _, r := range results {
		text := fmt.Sprintf("%-12s %8d leaves, %d new", r.Unit, r.Size, r.Size-r.From)
		if !r.CosignedAt.IsZero() {
			text += ", cosigned " + r.CosignedAt.Format(time.RFC3339)
		}
		if !r.StampedAt.IsZero() {
			text += fmt.Sprintf(", %d of them stamped %s", r.StampedSize, r.StampedAt.Format(time.RFC3339))
		}
		say("%s", text)
		for _, v := range r.Violations {
			say("%-12s %-22s %s: %s", v.Unit, v.Code, v.Subject, v.Detail)
		}
	}
	return errors.Join(failures...)
}

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/naru-relay/naru/services/allinone/endpoints"
	"github.com/naru-relay/naru/services/cli/internal/auditing"
)

// placeFlags say where a relay keeps its data.
type placeFlags struct {
	Data     string `type:"existingdir" placeholder:"FOLDER" help:"Data folder of narud; its database is started where it is not running." xor:"place"`
	Database string `placeholder:"FILE" type:"existingfile" help:"File with the URL of a role that can read the units' schemas." xor:"place"`
	Dump     string `placeholder:"FILE" type:"existingfile" help:"Dump of the relay's database, or of a unit's schema, by pg_dump (plain or custom format): it is restored into a private server, which goes afterwards." xor:"place"`
	Keys     string `type:"existingdir" placeholder:"FOLDER" help:"Folder with a folder of keys for each unit. With --data: its own."`

	TimeStampRoots string `type:"existingfile" placeholder:"FILE" help:"PEM roots of the time-stamping authorities to believe. With --data: its sandbox's. Without any, time stamps are not checked."`

	witnessFlags
	At time.Time `placeholder:"RFC3339" help:"Moment to judge by. Default: the present, and for a dump or a relay that has stopped the newest time that any of its logs states."`
}

func (f placeFlags) place(a *app) (auditing.Place, error) {
	if f.Data == "" && f.Database == "" && f.Dump == "" {
		return auditing.Place{}, usage("one of --data, --database and --dump is needed")
	}
	policy, err := f.policy()
	if err != nil {
		return auditing.Place{}, err
	}
	p := auditing.Place{Data: f.Data, Dump: f.Dump, Keys: f.Keys, StampRoots: f.TimeStampRoots, Policy: policy, At: f.At}
	if f.Database != "" {
		address, err := endpoints.ReadSecret(f.Database)
		if err != nil {
			return auditing.Place{}, err
		}
		p.Database = address
	}
	return p, nil
}

type auditCommand struct {
	placeFlags
	Sandbox string `placeholder:"FILE" type:"existingfile" help:"File with the URL of the sandbox hub's database, to compare with. With --data: its own."`
}

// Help is shown by naru audit --help.
func (auditCommand) Help() string {
	return `Verifies every unit's journal (authentication, log, witnesses), folds all journals and compares every state row with what follows, every frame
consumed with what was published, what became of each document, and what the sandbox hub holds. Nothing is written. A quiet relay gives the
clearest answer: what is under way for longer than two minutes is told as a difference.

Exit codes: 0 nothing differs, 1 something differs, 2 could not look. docs/verification.md tells what each code means and what to do.

Examples:
  naru audit --data ~/.local/share/naru
  naru audit --database auditor.url --keys /etc/naru/keys --json | jq .violations`
}

// Run runs the audit.
func (c *auditCommand) Run(a *app) error {
	p, err := c.place(a)
	if err != nil {
		return err
	}
	if c.Sandbox != "" {
		if p.Sandbox, err = endpoints.ReadSecret(c.Sandbox); err != nil {
			return err
		}
	}
	result, err := auditing.Audit(a.ctx, p, a.clock.Now())
	return a.tellResult(result, err)
}

type evidenceCommand struct {
	Verify verifyCommand `cmd:"" help:"Verify the units' journals by their published keys and by checkpoints kept elsewhere; the relay need not run."`
}

type verifyCommand struct {
	placeFlags
	VerifierKey []string `type:"existingfile" placeholder:"FILE" help:"Exported verifier keys of a unit (<unit>.vkey), repeatable. Without any, those of the key folders are taken."`
	Checkpoint  []string `type:"existingfile" placeholder:"FILE" help:"Checkpoint of a log kept elsewhere (<unit>.checkpoint), repeatable."`
	Stamped     []string `type:"existingfile" placeholder:"FILE" help:"Stamped checkpoint kept elsewhere (<unit>.stamped.checkpoint), its time stamp beside it in the same name and .tst, repeatable."`
	Mirror      string   `type:"existingdir" placeholder:"FOLDER" help:"Mirror of the public logs, made by naru mirror."`
}

// Help is shown by naru evidence verify --help.
func (verifyCommand) Help() string {
	return `Recomputes each journal as of one moment: every body, every leaf, the tree, every checkpoint and cosignature, and what is known of the log
elsewhere, time stamps among it. A log whose witness is away is told by the age of its newest cosignature. A dump is restored into a private PostgreSQL of its own and removed afterwards; a unit whose schema it does not hold is told as not
checked. Without key folders authentication codes are told as not checked; leaves, checkpoints and witnesses prove the rest.

Exit codes: 0 nothing differs, 1 something differs, 2 could not look.

Examples:
  naru evidence verify --data ~/.local/share/naru
  naru evidence verify --dump relay.dump --verifier-key intake.vkey --verifier-key status.vkey --checkpoint intake.checkpoint
  naru evidence verify --dump relay.dump --keys /etc/naru/keys --timeout 1h
  naru evidence verify --dump relay.dump --keys /etc/naru/keys --at 2026-11-28T02:00:00Z
  naru evidence verify --data ~/.local/share/naru --mirror mirror --witness neighbour.vkey`
}

// Run runs the verification.
func (c *verifyCommand) Run(a *app) error {
	p, err := c.place(a)
	if err != nil {
		return err
	}
	result, err := auditing.Verify(a.ctx, p, auditing.Files{VerifierKeys: c.VerifierKey, Checkpoints: c.Checkpoint, Stamped: c.Stamped, Mirror: c.Mirror}, a.clock.Now())
	return a.tellResult(result, err)
}

// errDiffers sets the exit code; the differences were printed before.
var errDiffers = errors.New("something differs")

// unseenError is an error that kept something from being checked.
type unseenError struct{ error }

// Unwrap returns the cause.
func (e unseenError) Unwrap() error { return e.error }

func (a *app) tellResult(result *auditing.Result, err error) error {
	if err != nil {
		return unseenError{fmt.Errorf("could not look: %w", err)}
	}
	if a.JSON {
		line, err := json.MarshalIndent(result, "", "  ")
		if err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		if err := a.say("%s", line); err != nil {
			return err
		}
	} else {
		result.Write(a.stdout)
	}
	if result.Differences > 0 {
		return errDiffers
	}
	return nil
}

package auditing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/mirror"
	"github.com/naru-relay/naru/services/registry"
)

// logKey is the name of the key with which a unit signs its checkpoints.
const logKey = "log"

// known holds keys and checkpoints that do not come from the verified journals.
type known struct {
	// log and witness hold verifier keys by unit.
	log, witness map[string]string
	checkpoints  []string
	stamps       []journal.Stamp
	// mirrored are time stamps of a mirror, which are not looked at without roots.
	mirrored []journal.Stamp
	// lookedAt is when a mirror looked at a unit's log last.
	lookedAt map[string]time.Time
	stores   map[string]*keys.Store
}

// fromKeyFolders reads the units' keys and the checkpoints that units store in their key folders.
func fromKeyFolders(ctx context.Context, dir string) (*known, error) {
	k := &known{log: map[string]string{}, witness: map[string]string{}, stores: map[string]*keys.Store{}}
	for _, u := range registry.Units() {
		store, err := keys.Open(filepath.Join(dir, u.Name), keys.Options{})
		if err != nil {
			return nil, err
		}
		key, err := store.NoteSigner(ctx, logKey, "")
		if err != nil {
			return nil, err
		}
		k.log[u.Name], k.witness[u.Name], k.stores[u.Name] = key.Public, key.PublicCosigner, store
		files, err := filepath.Glob(filepath.Join(dir, u.Name, "*.kept"))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read a kept checkpoint: %w", err)
			}
			kept := string(content)
			if strings.HasPrefix(filepath.Base(file), "witness-") {
				_, kept, _ = strings.Cut(kept, "\n")
			}
			k.checkpoints = append(k.checkpoints, kept)
		}
	}
	return k, nil
}

// fromFiles reads published verifier keys (one per line, as exported with the checkpoints), and checkpoints and time stamps kept
// elsewhere.
func fromFiles(files Files) (*known, error) {
	k := &known{log: map[string]string{}, witness: map[string]string{}, lookedAt: map[string]time.Time{}}
	for _, file := range files.VerifierKeys {
		keys, err := mirror.ReadKeys(file)
		if err != nil {
			return nil, err
		}
		k.log[keys.Unit], k.witness[keys.Unit] = keys.Log, keys.Cosigner
	}
	for _, file := range files.Checkpoints {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read a checkpoint: %w", err)
		}
		k.checkpoints = append(k.checkpoints, string(content))
	}
	for _, file := range files.Stamped {
		stamp, err := journal.ReadStamp(file)
		if err != nil {
			return nil, err
		}
		k.checkpoints, k.stamps = append(k.checkpoints, stamp.Published), append(k.stamps, stamp)
	}
	return k, k.fromMirror(files.Mirror)
}

// fromMirror adds what a mirror of the units' public logs has.
func (k *known) fromMirror(dir string) error {
	if dir == "" {
		return nil
	}
	found := false
	for _, u := range registry.Units() {
		kept, err := mirror.Kept(filepath.Join(dir, u.Name))
		if err != nil {
			return err
		}
		if kept.Checkpoint == "" {
			continue
		}
		found = true
		k.lookedAt[u.Name] = kept.LookedAt
		k.checkpoints, k.mirrored = append(k.checkpoints, kept.Checkpoint), append(k.mirrored, kept.Stamps...)
		for _, stamp := range kept.Stamps {
			k.checkpoints = append(k.checkpoints, stamp.Published)
		}
	}
	if !found {
		return fmt.Errorf("%s holds no mirror of a log", dir)
	}
	return nil
}

// fromWitnesses adds the checkpoints that units have witnessed for each other, from their tables.
func (k *known) fromWitnesses(ctx context.Context, db *pgxpool.Pool) error {
	for _, u := range registry.Units() {
		rows, err := db.Query(ctx, `select note from `+pgx.Identifier{u.Name, "witnessed_checkpoint"}.Sanitize())
		if err != nil {
			return fmt.Errorf("read what %s witnessed: %w", u.Name, err)
		}
		notes, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("read what %s witnessed: %w", u.Name, err)
		}
		k.checkpoints = append(k.checkpoints, notes...)
	}
	return nil
}

// verifyAll verifies the journal of every unit whose log key is known.
func (k *known) verifyAll(ctx context.Context, o *opened, policy journal.WitnessPolicy, present time.Time) ([]journal.Verification, error) {
	asOf, err := o.asOf(ctx, present)
	if err != nil {
		return nil, err
	}
	var all []journal.Verification
	if o.stampRoots != nil {
		k.stamps = append(k.stamps, k.mirrored...)
	}
	for _, u := range registry.Units() {
		if k.log[u.Name] == "" || slices.Contains(o.absent, u.Name) {
			continue
		}
		witnesses := k.witnessesOf(u.Name)
		if len(witnesses) == 0 {
			return nil, fmt.Errorf("the log of %s cannot be verified without the key of its witness, which is another unit's", u.Name)
		}
		opts := journal.VerifyOptions{Unit: u.Name, Log: k.log[u.Name], Witnesses: witnesses, Known: k.of(u.Name), Now: o.now(present),
			Policy: policy, AsOf: k.asOf(u.Name, o, asOf), StampRoots: o.stampRoots, KnownStamps: k.stampsOf(u.Name)}
		if store := k.stores[u.Name]; store != nil {
			opts.Keys = journal.NewKeys(store, clock.System())
		}
		one, err := journal.Verify(ctx, o.relay, opts)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	if len(all) == 0 {
		return nil, errors.New("there is no journal whose key is known")
	}
	return all, nil
}

// asOf is the moment by which the age of a log's cosignatures is judged: a mirror that looked later than the records state found
// none that was newer than what it has.
func (k *known) asOf(unit string, o *opened, records time.Time) time.Time {
	if at := k.lookedAt[unit]; o.at.IsZero() && at.After(records) {
		return at
	}
	return records
}

// witnessesOf are the keys of those who may witness a unit's log: every other unit. Its own key for cosignatures is made of the
// key that signs its log.
func (k *known) witnessesOf(unit string) []string {
	var keys []string
	for name, key := range k.witness {
		if name != unit {
			keys = append(keys, key)
		}
	}
	return keys
}

// of returns the known checkpoints of a unit's log.
func (k *known) of(unit string) []string {
	var of []string
	for _, signed := range k.checkpoints {
		if k.isOf(unit, signed) {
			of = append(of, signed)
		}
	}
	return of
}

func (k *known) stampsOf(unit string) []journal.Stamp {
	var of []journal.Stamp
	for _, s := range k.stamps {
		if k.isOf(unit, s.Published) {
			of = append(of, s)
		}
	}
	return of
}

func (k *known) isOf(unit, signed string) bool {
	owner, _, _ := strings.Cut(k.log[unit], "+")
	return strings.HasPrefix(signed, owner+"/")
}

package mirror

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
)

// Keys are the published verifier keys of a unit: of its log, and of the cosignatures that it gives to others.
type Keys struct{ Unit, Log, Cosigner string }

// Owner is the name of the log, with which its origins begin: naru/<platform>/<unit>.
func (k Keys) Owner() string {
	owner, _, _ := strings.Cut(k.Log, "+")
	return owner
}

// Relay is whose unit it is: naru/<platform>.
func (k Keys) Relay() string { return strings.TrimSuffix(k.Owner(), "/"+k.Unit) }

// Witnesses are the keys of those who may cosign a unit's log: every other unit.
func Witnesses(all []Keys, unit string) []string {
	var keys []string
	for _, k := range all {
		if k.Unit != unit {
			keys = append(keys, k.Cosigner)
		}
	}
	return keys
}

// ReadKeys reads a file that a unit exports (<unit>.vkey): its two keys, one a line. The unit is named by the key, not by the
// file.
func ReadKeys(file string) (Keys, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return Keys{}, fmt.Errorf("read verifier keys: %w", err)
	}
	lines := strings.Fields(string(content))
	if len(lines) != 2 {
		return Keys{}, fmt.Errorf("%s: a log's key and its key for cosignatures are expected, one a line", file)
	}
	k := Keys{Log: lines[0], Cosigner: lines[1]}
	owner := k.Owner()
	k.Unit = owner[strings.LastIndexByte(owner, '/')+1:]
	return k, nil
}

// ReadKeysIn reads all files of keys in a folder.
func ReadKeysIn(dir string) ([]Keys, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+journal.KeysSuffix))
	if err != nil {
		return nil, fmt.Errorf("look for verifier keys: %w", err)
	}
	if len(files) == 0 {
		return nil, errors.New("the folder of keys has no file <unit>" + journal.KeysSuffix)
	}
	all := make([]Keys, len(files))
	for i, file := range files {
		if all[i], err = ReadKeys(file); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// ReadWitnessKeys reads a file of verifier keys of witnesses outside of the relay, one a line.
func ReadWitnessKeys(file string) ([]string, error) {
	content, err := os.ReadFile(file) //nolint:gosec // the caller's own file
	if err != nil {
		return nil, fmt.Errorf("read keys of witnesses: %w", err)
	}
	keys := strings.Fields(string(content))
	if _, err := journal.WitnessKeys(keys); err != nil || len(keys) == 0 {
		return nil, fmt.Errorf("%s: verifier keys for cosignatures are expected, one a line", file)
	}
	return keys, nil
}

// Copy is what a mirror's folder knows of a log; nothing of it is judged.
type Copy struct {
	// Checkpoint is the newest one; empty where the folder holds none.
	Checkpoint string
	Stamps     []journal.Stamp
	// LookedAt is when the mirror looked at the log last, and found this.
	LookedAt time.Time
}

// Kept reads a mirror's folder of one log.
func Kept(dir string) (Copy, error) {
	f := folder(dir)
	content, err := f.read(checkpointFile)
	if errors.Is(err, ErrNotThere) {
		return Copy{}, nil
	}
	if err != nil {
		return Copy{}, err
	}
	last, err := f.seen()
	if err != nil {
		return Copy{}, err
	}
	kept := Copy{Checkpoint: string(content), LookedAt: last.At}
	files, err := filepath.Glob(f.path(stampsFolder + "/*" + journal.CheckpointSuffix))
	if err != nil {
		return Copy{}, fmt.Errorf("look for time stamps: %w", err)
	}
	for _, file := range files {
		stamp, err := journal.ReadStamp(file)
		if err != nil {
			return Copy{}, err
		}
		kept.Stamps = append(kept.Stamps, stamp)
	}
	return kept, nil
}

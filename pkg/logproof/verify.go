package logproof

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Keys by which a log's checkpoints are believed: the log's verifier key, and those of the cosignatures of its witnesses.
type Keys struct {
	Log string
	// Witnesses are the units of the relay one of which has to have cosigned.
	Witnesses []string
	// Outside are the keys of witnesses outside of the relay, Required how many of them have to have cosigned, too.
	Outside  []string
	Required int
}

// Logs are those that are believed, by their owner: naru/<platform>/<unit>.
type Logs map[string]Keys

// Proved is a fact that is in the log.
type Proved struct {
	// Relay is whose log it is: naru/<platform>.
	Relay string
	Unit  string
	Kind  frame.Kind
	// Place of the fact's frame in the log.
	Place Place
	// RecordedAt is the unit's clock when it finished the frame.
	RecordedAt time.Time
	Event      *platformv1.Event
}

// The ways in which a proof fails.
var (
	ErrUnknown    = errors.New("the log is none of those that are trusted")
	ErrCheckpoint = errors.New("the checkpoint is not signed by the log and by one of its witnesses")
	ErrOutside    = errors.New("too few witnesses outside of the relay cosigned the checkpoint")
	ErrPath       = errors.New("a fact does not lead to the checkpoint")
)

// Owner is whose log the checkpoint says it is, not judged; empty if it says nothing of the kind.
func (f *File) Owner() string {
	origin, _, _ := strings.Cut(f.Checkpoint, "\n")
	return origin[:max(strings.LastIndexByte(origin, '/'), 0)]
}

// Verify gives the facts of a proof if all of them are in the log that signed the checkpoint, and a witness saw it. The time
// stamp is not judged: it is over Imprint.
func (f *File) Verify(logs Logs) ([]Proved, error) {
	keys, known := logs[f.Owner()]
	if !known {
		return nil, ErrUnknown
	}
	c, err := f.checkpoint(keys)
	if err != nil {
		return nil, err
	}
	facts := make([]Proved, len(f.Facts))
	for i, fact := range f.Facts {
		if facts[i], err = fact.verify(f.Unit, c.Tree); err != nil {
			return nil, fmt.Errorf("fact %d: %w", i+1, err)
		}
		facts[i].Relay, facts[i].Place.Log = strings.TrimSuffix(c.Owner(), "/"+f.Unit), c.Origin
	}
	return facts, nil
}

// Imprint is what the time stamp is over.
func (f *File) Imprint() [sha256.Size]byte { return sha256.Sum256([]byte(f.Checkpoint)) }

// checkpoint reads the checkpoint with all signatures that it needs.
func (f *File) checkpoint(k Keys) (journal.Checkpoint, error) {
	log, err := note.NewVerifier(k.Log)
	if err != nil {
		return journal.Checkpoint{}, fmt.Errorf("key of the log of %s: %w", f.Unit, err)
	}
	c, err := journal.ParseCheckpoint(f.Checkpoint, log)
	if err != nil || c.Owner() != log.Name() || !strings.HasSuffix(log.Name(), "/"+f.Unit) {
		return journal.Checkpoint{}, ErrCheckpoint
	}
	if n, err := f.cosigned(k.Witnesses); err != nil || n == 0 {
		return journal.Checkpoint{}, cmp.Or(err, ErrCheckpoint)
	}
	if n, err := f.cosigned(k.Outside); err != nil || n < k.Required {
		return journal.Checkpoint{}, cmp.Or(err, ErrOutside)
	}
	return c, nil
}

// cosigned counts the witnesses of these keys that cosigned the checkpoint.
func (f *File) cosigned(keys []string) (int, error) {
	witnesses, err := journal.WitnessKeys(keys)
	if err != nil {
		return 0, err
	}
	found, err := journal.Cosignatures(f.Checkpoint+f.Cosignatures, witnesses...)
	if err != nil {
		return 0, nil //nolint:nilerr // none of them did
	}
	return len(found), nil
}

func (f Fact) verify(unit string, log tlog.Tree) (Proved, error) {
	header, event, err := Read(f.Frame, f.Event)
	if err != nil || header.Unit != unit {
		return Proved{}, ErrPath
	}
	if tlog.CheckRecord(pathOf(f.LogPath), log.N, log.Hash, f.Leaf, header.Leaf()) != nil ||
		tlog.CheckRecord(pathOf(f.Path), int64(header.Count), header.Root, int64(f.Index), tlog.RecordHash(f.Event)) != nil {
		return Proved{}, ErrPath
	}
	place := Place{Checkpoint: log, Leaf: f.Leaf, Hash: header.Leaf()}
	return Proved{Unit: unit, Kind: header.Kind, Place: place, RecordedAt: header.RecordedAt, Event: event}, nil
}

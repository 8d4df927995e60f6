package logproof

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/proof"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// Format is the name of the file's format.
	Format = "naru-journal-proof/1"
	// MaxBytes of a file.
	MaxBytes = 4 << 20

	// maxFacts of a file; maxPath is the length of a path in a log of 2^63 leaves.
	maxFacts      = 1000
	maxPath       = 64
	maxCheckpoint = 8 << 10
	maxTimeStamp  = 64 << 10
)

// File is the proof of facts of one unit.
type File struct {
	Format string `json:"format"`
	// Unit is the one whose log it is.
	Unit string `json:"unit"`
	// Checkpoint with the signatures of the log and of the unit that witnesses it.
	Checkpoint string `json:"checkpoint"`
	// Cosignatures are the lines of other witnesses; absent where there are none.
	Cosignatures string `json:"cosignatures,omitempty"`
	// TimeStamp over SHA-256 of the checkpoint, DER; absent where there is none.
	TimeStamp []byte `json:"timeStamp,omitempty"`
	Facts     []Fact `json:"facts"`
}

// Fact is one with its paths.
type Fact struct {
	// Event is encoded.
	Event []byte `json:"event"`
	// Index of the event in its frame, and the path to the frame's root.
	Index int      `json:"index"`
	Path  [][]byte `json:"path,omitempty"`
	// Frame is the header in its canonical bytes.
	Frame []byte `json:"frame"`
	// Leaf is the header's place in the log, and LogPath the path to the checkpoint's root.
	Leaf    int64    `json:"leaf"`
	LogPath [][]byte `json:"logPath,omitempty"`
}

// Encode writes the one encoding of a proof that a unit gave.
func Encode(p *platformv1.LogProof) ([]byte, error) {
	f := File{Format: Format, Unit: p.GetUnit(), Checkpoint: p.GetCheckpoint(), Cosignatures: p.GetCosignatures(), TimeStamp: p.GetTimeStamp()}
	for _, fact := range p.GetFacts() {
		f.Facts = append(f.Facts, Fact{
			Event: fact.GetEvent(), Index: int(fact.GetIndex()), Path: fact.GetPath(), Frame: fact.GetFrame(), Leaf: fact.GetLeaf(), LogPath: fact.GetLogPath(),
		})
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("encode proof of %s: %w", p.GetUnit(), err)
	}
	return proof.Encode(f)
}

// Decode reads what Encode writes, and nothing else. Nothing of it is believed yet. Errors repeat nothing of the content.
func Decode(encoded []byte) (*File, error) {
	if len(encoded) > MaxBytes {
		return nil, errors.New("proof is too large")
	}
	f := &File{}
	if err := proof.Decode(encoded, f); err != nil {
		return nil, err
	}
	return f, f.check()
}

var unitPattern = regexp.MustCompile(`^[a-z]{1,20}$`)

func (f *File) check() error {
	switch {
	case f.Format != Format:
		return errors.New("format of the proof is unknown")
	case !unitPattern.MatchString(f.Unit):
		return errors.New("unit of the proof")
	case f.Checkpoint == "" || len(f.Checkpoint) > maxCheckpoint || len(f.TimeStamp) > maxTimeStamp || !signatures(f.Cosignatures):
		return errors.New("checkpoint of the proof")
	case len(f.Facts) == 0 || len(f.Facts) > maxFacts:
		return errors.New("number of facts in the proof")
	}
	for i, fact := range f.Facts {
		switch {
		case len(fact.Event) > frame.MaxEventBytes || fact.Index < 0 || fact.Leaf < 0 || !hashes(fact.Path) || !hashes(fact.LogPath):
			return errors.New("fact of the proof")
		case i > 0 && !after(f.Facts[i-1], fact):
			return errors.New("order of the facts in the proof")
		}
	}
	return nil
}

// signatures reports whether a text has nothing but lines of signatures of a note.
func signatures(lines string) bool {
	for line := range strings.Lines(lines) {
		if !strings.HasPrefix(line, "— ") || !strings.HasSuffix(line, "\n") {
			return false
		}
	}
	return len(lines) <= maxCheckpoint
}

// after holds facts to the order of the log, each once.
func after(before, fact Fact) bool {
	return fact.Leaf > before.Leaf || fact.Leaf == before.Leaf && fact.Index > before.Index
}

func hashes(path [][]byte) bool {
	for _, hash := range path {
		if len(hash) != tlog.HashSize {
			return false
		}
	}
	return len(path) <= maxPath
}

func pathOf(path [][]byte) tlog.RecordProof {
	read := make(tlog.RecordProof, len(path))
	for i, hash := range path {
		copy(read[i][:], hash)
	}
	return read
}

// Read takes a fact apart, without judging whether it is in any log.
func Read(header, event []byte) (frame.Header, *platformv1.Event, error) {
	h, err := frame.ParseHeader(header)
	if err != nil {
		return frame.Header{}, nil, err
	}
	e := &platformv1.Event{}
	if err := proto.Unmarshal(event, e); err != nil {
		return frame.Header{}, nil, fmt.Errorf("read a fact: %w", err)
	}
	return h, e, nil
}

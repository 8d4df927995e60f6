// Package logprooftest makes logs of units, and proofs of what is in them, for tests and for the published vectors.
package logprooftest

import (
	"crypto/rand"
	"fmt"
	"time"

	formatlog "github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/logproof"
	"github.com/naru-relay/naru/pkg/merkle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Key signs the log of a unit, and as a witness those of others.
type Key struct {
	Signer, Cosigner note.Signer
	// Public and PublicCosigner are the verifier keys.
	Public, PublicCosigner string
}

// NewKey draws a key for the log of a unit.
func NewKey(platform, unit string) (Key, error) {
	secret, public, err := note.GenerateKey(rand.Reader, journal.OwnerOf(platform, unit))
	if err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	k := Key{Public: public}
	if k.PublicCosigner, err = formats.VKeyToCosignatureV1(public); err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	if k.Signer, err = note.NewSigner(secret); err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	if k.Cosigner, err = formats.NewSignerForCosignatureV1(secret); err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	return k, nil
}

// Trusted is how the key's log is believed, if one witness cosigns it.
func (k Key) Trusted(witness Key) logproof.Keys {
	return logproof.Keys{Log: k.Public, Witnesses: []string{witness.PublicCosigner}}
}

// Fact is one as a unit states it.
type Fact struct {
	Unit, Subject  string
	Ordinal        uint32
	At, RecordedAt time.Time
	Message        proto.Message
}

// event is the fact as it stands in a frame.
func (f Fact) event() (*platformv1.Event, error) {
	payload, err := proto.Marshal(f.Message)
	return &platformv1.Event{
		Subject: f.Subject, Ordinal: f.Ordinal, Actor: "unit:" + f.Unit, OccurredAt: timestamppb.New(f.At), Policy: f.Unit + "/1", Payload: payload,
	}, err
}

// Frame is the fact in a frame, between two others of its kind, with the events as they are encoded.
func (f Fact) Frame() (frame.Frame, [][]byte, error) {
	event, err := f.event()
	if err != nil {
		return frame.Frame{}, nil, err
	}
	other := &platformv1.Event{Subject: "20260302_NARU000001_0000000000099", Ordinal: 1, OccurredAt: timestamppb.New(f.At)}
	events := make([][]byte, 3)
	for i, e := range []*platformv1.Event{other, event, other} {
		if events[i], err = frame.EncodeEvent(e); err != nil {
			return frame.Frame{}, nil, err
		}
	}
	frames, err := frame.Cut(frame.KindOf(f.Message), platformv1.Lane_LANE_EXPRESS, events)
	if err != nil {
		return frame.Frame{}, nil, err
	}
	made := frames[0].At(frame.NewCommit(), 1)
	made.Unit, made.KeyID, made.RecordedAt = f.Unit, "2026-03.0123456789ab", f.RecordedAt
	return made, events, nil
}

// Prove makes the log of a unit with facts in it, between two other leaves, and the proof of the facts. The checkpoint is signed
// by the signers.
func Prove(platform, unit string, facts []Fact, signers ...note.Signer) (*platformv1.LogProof, error) {
	proof := &platformv1.LogProof{Unit: unit}
	headers := [][]byte{[]byte("a frame before")}
	for _, fact := range facts {
		f, events, err := fact.Frame()
		if err != nil {
			return nil, err
		}
		tree, err := merkle.New(events)
		if err != nil {
			return nil, err
		}
		path, err := tree.Prove(1)
		if err != nil {
			return nil, err
		}
		proof.Facts = append(proof.Facts, &platformv1.FactProof{Event: events[1], Index: 1, Path: bytesOf(path), Frame: f.Bytes(), Leaf: int64(len(headers))})
		headers = append(headers, f.Bytes())
	}
	headers = append(headers, []byte("a frame behind"))
	tree, err := merkle.New(headers)
	if err != nil {
		return nil, err
	}
	for _, fact := range proof.GetFacts() {
		path, err := tree.Prove(int(fact.GetLeaf()))
		if err != nil {
			return nil, err
		}
		fact.LogPath = bytesOf(path)
	}
	root, err := tree.Root()
	if err != nil {
		return nil, err
	}
	text := formatlog.Checkpoint{Origin: journal.OriginOf(journal.OwnerOf(platform, unit), 1), Size: uint64(len(headers)), Hash: root[:]}.Marshal()
	checkpoint, err := note.Sign(&note.Note{Text: string(text)}, signers...)
	if err != nil {
		return nil, fmt.Errorf("sign the checkpoint: %w", err)
	}
	proof.Checkpoint = string(checkpoint)
	return proof, nil
}

func bytesOf(path tlog.RecordProof) [][]byte {
	hashes := make([][]byte, len(path))
	for i, hash := range path {
		hashes[i] = hash[:]
	}
	return hashes
}

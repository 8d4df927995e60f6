package main

import (
	"crypto/rand"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"time"

	"github.com/transparency-dev/formats/log"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/merkle"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// witnessUnit cosigns the logs of the others.
const witnessUnit = "status"

// logKey signs the log of a unit.
type logKey struct {
	signer, cosigner note.Signer
	public           string
}

func newLogKey(unit string) logKey {
	secret, public, err := note.GenerateKey(rand.Reader, journal.OwnerOf(platform, unit))
	if err != nil {
		panic(err)
	}
	cosigning := must(formats.VKeyToCosignatureV1(public))
	return logKey{must(note.NewSigner(secret)), must(formats.NewSignerForCosignatureV1(secret)), public + "\n" + cosigning + "\n"}
}

// relayLogs are the logs of the relay's units.
type relayLogs map[string]logKey

func newRelayLogs() relayLogs {
	logs := relayLogs{}
	for _, unit := range []string{"intake", "archive", "delivery", "viewing", "circulation", "certificate", "hub", witnessUnit} {
		logs[unit] = newLogKey(unit)
	}
	return logs
}

func (l relayLogs) write(folder string) {
	for unit, key := range l {
		write(filepath.Join(folder, unit+journal.KeysSuffix), []byte(key.public))
	}
}

// stated is a fact as a unit states it.
type stated struct {
	unit, subject  string
	ordinal        uint32
	at, recordedAt time.Time
	message        proto.Message
}

func (s stated) event() *platformv1.Event {
	return &platformv1.Event{
		Subject: s.subject, Ordinal: s.ordinal, Actor: "unit:" + s.unit, OccurredAt: timestamppb.New(s.at), Policy: s.unit + "/1",
		Payload: must(proto.Marshal(s.message)),
	}
}

// frame puts a fact between two others of its kind.
func (s stated) frame() (frame.Frame, [][]byte) {
	other := &platformv1.Event{Subject: "20260302_NARU000001_0000000000099", Ordinal: 1, OccurredAt: timestamppb.New(s.at)}
	var events [][]byte
	for _, event := range []*platformv1.Event{other, s.event(), other} {
		events = append(events, must(frame.EncodeEvent(event)))
	}
	f := must(frame.Cut(frame.KindOf(s.message), platformv1.Lane_LANE_EXPRESS, events))[0].At(frame.NewCommit(), 1)
	f.Unit, f.KeyID, f.RecordedAt = s.unit, "2026-03.0123456789ab", s.recordedAt
	return f, events
}

// logOf is how the log of a unit is made; it may be bent.
type logOf struct {
	key logKey
	// witnesses cosign its checkpoint.
	witnesses []note.Signer
	// stamp says whether the checkpoint is time-stamped, and by whom.
	stamp *stamper
}

// prove makes the log of a unit's facts, and the proof of them.
func (l logOf) prove(unit string, facts []stated) *platformv1.LogProof {
	proof := &platformv1.LogProof{Unit: unit}
	headers := [][]byte{[]byte("a frame before")}
	for _, fact := range facts {
		f, events := fact.frame()
		path := must(must(merkle.New(events)).Prove(1))
		proof.Facts = append(proof.Facts, &platformv1.FactProof{Event: events[1], Index: 1, Path: bytesOf(path), Frame: f.Bytes(), Leaf: int64(len(headers))})
		headers = append(headers, f.Bytes())
	}
	tree := must(merkle.New(append(headers, []byte("a frame behind"))))
	for _, fact := range proof.GetFacts() {
		fact.LogPath = bytesOf(must(tree.Prove(int(fact.GetLeaf()))))
	}
	root := must(tree.Root())
	text := log.Checkpoint{Origin: journal.OriginOf(journal.OwnerOf(platform, unit), 1), Size: uint64(len(headers) + 1), Hash: root[:]}.Marshal()
	proof.Checkpoint = string(must(note.Sign(&note.Note{Text: string(text)}, slices.Concat([]note.Signer{l.key.signer}, l.witnesses)...)))
	if l.stamp != nil {
		der, _, err := l.stamp.Stamp(nil, sha256.Sum256([]byte(proof.GetCheckpoint()))) //nolint:staticcheck // it asks nobody
		if err != nil {
			panic(err)
		}
		proof.TimeStamp = der
	}
	return proof
}

func bytesOf(path tlog.RecordProof) [][]byte {
	var hashes [][]byte
	for _, hash := range path {
		hashes = append(hashes, hash[:])
	}
	return hashes
}

// records are what a relay recorded of a story: what the evidence form holds, to be bent.
type records struct {
	facts        []stated
	answers      [][]byte
	registration []byte
	// logs as they are made, by unit.
	logs map[string]*logOf
	// proofs changes the proofs after they were made, draft the draft.
	proofs func([]*platformv1.LogProof)
	draft  func(*bundle.Draft)
}

// fact gives the first fact of a unit.
func (r *records) fact(unit string) *stated {
	i := slices.IndexFunc(r.facts, func(s stated) bool { return s.unit == unit })
	return &r.facts[i]
}

func (r *records) leading() bundle.Leading {
	l := bundle.Leading{Registration: r.registration, Answers: r.answers}
	for _, unit := range []string{"intake", "archive", "delivery", "viewing", "circulation", "certificate", "hub"} {
		var of []stated
		for _, fact := range r.facts {
			if fact.unit == unit {
				of = append(of, fact)
			}
		}
		l.Proofs = append(l.Proofs, r.logs[unit].prove(unit, of))
	}
	if r.proofs != nil {
		r.proofs(l.Proofs)
	}
	return l
}

package main

import (
	"context"
	"crypto/sha256"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// witnessUnit cosigns the logs of the others.
const witnessUnit = "status"

// stating are the units whose facts a bundle may hold, in the order of the proofs.
var stating = []string{"intake", "archive", "delivery", "viewing", "circulation", "certificate", "hub"}

// relayLogs are the keys of the relay's units.
type relayLogs map[string]logprooftest.Key

func newRelayLogs(platform string) relayLogs {
	logs := relayLogs{}
	for _, unit := range append([]string{witnessUnit}, stating...) {
		logs[unit] = must(logprooftest.NewKey(platform, unit))
	}
	return logs
}

// write writes the keys; prefix tells those of one relay from those of another.
func (l relayLogs) write(folder, prefix string) {
	for unit, key := range l {
		write(filepath.Join(folder, prefix+unit+journal.KeysSuffix), []byte(key.Public+"\n"+key.PublicCosigner+"\n"))
	}
}

// logs of the units of a relay, each witnessed by the same unit.
func (l relayLogs) logs(platform string) map[string]*logOf {
	all := map[string]*logOf{}
	for unit, key := range l {
		all[unit] = &logOf{platform: platform, signers: []note.Signer{key.Signer, l[witnessUnit].Cosigner}}
	}
	return all
}

// logOf is how the log of a unit is made; it may be bent.
type logOf struct {
	// platform of the relay.
	platform string
	// signers sign its checkpoint.
	signers []note.Signer
	// stamp stamps the checkpoint; nil for none.
	stamp *stamper
	// forked has each fact in a log of its own: two histories of one log.
	forked bool
}

// prove makes the log of a unit's facts, and the proof of them.
func (l logOf) prove(unit string, facts []logprooftest.Fact) *platformv1.LogProof {
	proof := must(logprooftest.Prove(l.platform, unit, facts, l.signers...))
	if l.stamp != nil {
		der, _, err := l.stamp.Stamp(context.Background(), sha256.Sum256([]byte(proof.GetCheckpoint())))
		if err != nil {
			panic(err)
		}
		proof.TimeStamp = der
	}
	return proof
}

// records are what a relay recorded of a story: what the evidence form holds, to be bent.
type records struct {
	facts        []logprooftest.Fact
	answers      [][]byte
	registration []byte
	// logs as they are made, by unit.
	logs map[string]*logOf
	// proofs changes the proofs after they were made, draft the draft.
	proofs func([]*platformv1.LogProof)
	draft  func(*bundle.Draft)
}

// fact gives the first fact of a unit.
func (r *records) fact(unit string) *logprooftest.Fact {
	i := slices.IndexFunc(r.facts, func(f logprooftest.Fact) bool { return f.Unit == unit })
	return &r.facts[i]
}

// leaveOut leaves out the facts of a unit.
func (r *records) leaveOut(unit string) {
	r.facts = slices.DeleteFunc(r.facts, func(f logprooftest.Fact) bool { return f.Unit == unit })
}

// factOf gives the message of the first fact of a kind, to be bent.
func factOf[M proto.Message](r *records) M {
	return r.stated(func(m proto.Message) bool {
		_, ok := m.(M)
		return ok
	}).Message.(M) //nolint:forcetypeassert // it was looked for
}

// stated gives the first fact whose message fits.
func (r *records) stated(fits func(proto.Message) bool) *logprooftest.Fact {
	i := slices.IndexFunc(r.facts, func(f logprooftest.Fact) bool { return fits(f.Message) })
	return &r.facts[i]
}

func (r *records) leading() bundle.Leading {
	l := bundle.Leading{Registration: r.registration, Answers: r.answers}
	for _, unit := range stating {
		var of []logprooftest.Fact
		for _, fact := range r.facts {
			if fact.Unit == unit {
				of = append(of, fact)
			}
		}
		together := len(of)
		if r.logs[unit].forked {
			together = 1
		}
		for some := range slices.Chunk(of, max(together, 1)) {
			l.Proofs = append(l.Proofs, r.logs[unit].prove(unit, some))
		}
	}
	if r.proofs != nil {
		r.proofs(l.Proofs)
	}
	return l
}

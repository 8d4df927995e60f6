package journal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/merkle"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// ErrNotWitnessed says that facts are in no checkpoint yet that is cosigned by all witnesses that it needs.
var ErrNotWitnessed = errors.New("the facts are in no checkpoint yet that is cosigned by all witnesses that it needs")

// Provable says which facts of a unit are handed out with their proof.
type Provable struct {
	// Commits is a query for the commits that state them, by the number of a document ($1).
	Commits string
	// Kinds of the facts; what else the commits state stays here.
	Kinds []proto.Message
}

// ProveDocument proves what the unit stated about a document.
func (j *Journal) ProveDocument(ctx context.Context, p Provable, number string) (*platformv1.LogProof, error) {
	if p.Commits == "" {
		return &platformv1.LogProof{Unit: j.deps.Unit}, nil
	}
	commits, err := pg.All(ctx, j.deps.DB, "find the commits about "+number, pgx.RowTo[uuid.UUID], p.Commits, number)
	if err != nil {
		return nil, err
	}
	return j.Prove(ctx, number, commits, p.Kinds...)
}

// Prove proves what commits of the unit state of some kinds about a subject. Without such a fact the proof is empty. What it
// hands out are these facts, and hashes: nothing of others in the same frames.
func (j *Journal) Prove(ctx context.Context, subject string, commits []uuid.UUID, kinds ...proto.Message) (*platformv1.LogProof, error) {
	p := prover{unit: j.deps.Unit, subject: subject, publication: j.deps.Publication}
	for _, message := range kinds {
		p.kinds = append(p.kinds, frame.KindOf(message))
	}
	var proof *platformv1.LogProof
	err := pg.InTx(ctx, j.deps.DB, func(tx *pg.Tx) error {
		p.tx, proof = tx, &platformv1.LogProof{Unit: p.unit}
		for _, commit := range distinct(commits) {
			facts, err := p.commit(ctx, commit)
			if err != nil {
				return err
			}
			proof.Facts = append(proof.Facts, facts...)
		}
		return p.leaves(ctx, proof)
	}, pg.Isolation(pgx.RepeatableRead), pg.ReadOnly())
	if err != nil {
		return nil, fmt.Errorf("prove what %s stated: %w", p.unit, err)
	}
	return proof, nil
}

func distinct(commits []uuid.UUID) []uuid.UUID {
	ordered := slices.SortedFunc(slices.Values(commits), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ordered)
}

type prover struct {
	tx            *pg.Tx
	unit, subject string
	kinds         []frame.Kind
	publication   Publication
}

// commit proves the facts of one commit as far as the leaves of their frames.
func (p prover) commit(ctx context.Context, commit uuid.UUID) ([]*platformv1.FactProof, error) {
	frames, err := OfCommit(ctx, p.tx, p.unit, commit)
	if err != nil {
		return nil, err
	}
	var all []*platformv1.FactProof
	for _, f := range frames {
		if !slices.Contains(p.kinds, f.Kind) {
			continue
		}
		facts, err := p.frame(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, facts...)
	}
	return all, nil
}

// frame proves the facts about the subject in one frame as far as its leaf.
func (p prover) frame(ctx context.Context, f Sealed) ([]*platformv1.FactProof, error) {
	encoded, err := f.EncodedEvents()
	if err != nil {
		return nil, err
	}
	var facts []*platformv1.FactProof
	for i, one := range encoded {
		event := &platformv1.Event{}
		if err := proto.Unmarshal(one, event); err != nil {
			return nil, fmt.Errorf("decode event %d of frame %s: %w", i+1, f.ID, err)
		}
		if event.GetSubject() == p.subject {
			facts = append(facts, &platformv1.FactProof{Event: one, Index: int32(i), Frame: f.Bytes()}) //nolint:gosec // of at most 500
		}
	}
	if len(facts) == 0 {
		return nil, nil
	}
	tree, err := merkle.New(encoded)
	if err != nil {
		return nil, err
	}
	leaf, err := p.leaf(ctx, f.ID)
	if err != nil {
		return nil, err
	}
	for _, fact := range facts {
		path, err := tree.Prove(int(fact.GetIndex()))
		if err != nil {
			return nil, err
		}
		fact.Path, fact.Leaf = bytesOf(path), leaf
	}
	return facts, nil
}

func (p prover) leaf(ctx context.Context, frameID uuid.UUID) (int64, error) {
	const read = `select leaf from journal_mark where frame_id = $1`
	var leaf *int64
	if _, err := pg.Scan(ctx, p.tx, "read the leaf of a frame", []any{&leaf}, read, frameID); err != nil {
		return 0, err
	}
	if leaf == nil {
		return 0, ErrNotWitnessed
	}
	return *leaf, nil
}

// leaves adds the checkpoint and the paths to it.
func (p prover) leaves(ctx context.Context, proof *platformv1.LogProof) error {
	facts := proof.GetFacts()
	if len(facts) == 0 {
		return nil
	}
	slices.SortStableFunc(facts, func(a, b *platformv1.FactProof) int { return cmp.Compare(a.GetLeaf(), b.GetLeaf()) })
	c, token, err := p.checkpoint(ctx, facts[len(facts)-1].GetLeaf())
	if err != nil {
		return err
	}
	newest, err := Newest(ctx, p.tx)
	if err != nil {
		return err
	}
	log := openTree(ctx, p.tx, newest.Tree)
	proof.Checkpoint, proof.Cosignatures, proof.TimeStamp = c.ToStamp(), c.Beside(), token
	for _, fact := range facts {
		path, err := tlog.ProveRecord(c.N, fact.GetLeaf(), log)
		if err != nil {
			return fmt.Errorf("prove leaf %d of %d: %w", fact.GetLeaf(), c.N, err)
		}
		fact.LogPath = bytesOf(path)
	}
	return nil
}

// checkpoint is the first published one of the newest generation that holds a leaf: the first with a time stamp, else the first
// without.
func (p prover) checkpoint(ctx context.Context, leaf int64) (Checkpoint, []byte, error) {
	const read = `
		select c.note, c.cosigned, ` + laterLines + `, s.token
		from   log_checkpoint c
		left   join log_stamp s using (generation, size)
		where  c.generation = (select generation from log_turn) and c.size > $3 and (s.token is not null or ` + published + `)
		order  by s.token is null, c.seq
		limit  1`
	var c Checkpoint
	var token []byte
	into := []any{&c.Note, &c.Cosigned, &c.Later, &token}
	known, err := pg.Scan(ctx, p.tx, "read the checkpoint of a leaf", into, read, append(p.publication.args(), leaf)...)
	if err != nil {
		return Checkpoint{}, nil, err
	}
	if !known {
		return Checkpoint{}, nil, ErrNotWitnessed
	}
	parsed, err := parseText(unsignedText(c.Note), c.Note)
	parsed.Cosigned, parsed.Later = c.Cosigned, c.Later
	return parsed, token, err
}

func bytesOf(path tlog.RecordProof) [][]byte {
	hashes := make([][]byte, len(path))
	for i, hash := range path {
		hashes[i] = hash[:]
	}
	return hashes
}

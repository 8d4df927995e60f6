package logproof

import (
	"errors"

	"golang.org/x/mod/sumdb/tlog"
)

// Place is where a fact's frame stands.
type Place struct {
	// Log is the origin of its checkpoints: naru/<platform>/<unit>/<generation>.
	Log string
	// Checkpoint by which it was proved.
	Checkpoint tlog.Tree
	// Leaf is the frame's number in the log, Hash the leaf itself.
	Leaf int64
	Hash tlog.Hash
}

// ErrFork: a log only grows, so it has one root for each size, and one frame for each number.
var ErrFork = errors.New("two proofs show one log with two histories")

// Forked reports ErrFork if facts that are proved each by itself cannot be in one log together.
func Forked(facts []Proved) error {
	type number struct {
		log string
		n   int64
	}
	roots, leaves := map[number]tlog.Hash{}, map[number]tlog.Hash{}
	for _, fact := range facts {
		p := fact.Place
		size, leaf := number{p.Log, p.Checkpoint.N}, number{p.Log, p.Leaf}
		if root, known := roots[size]; known && root != p.Checkpoint.Hash {
			return ErrFork
		}
		if hash, known := leaves[leaf]; known && hash != p.Hash {
			return ErrFork
		}
		roots[size], leaves[leaf] = p.Checkpoint.Hash, p.Hash
	}
	return nil
}

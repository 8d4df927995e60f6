// Package merkle makes Merkle trees over records held in memory (RFC 6962 §2.1: SHA-256, leaves and nodes told apart). Roots and
// paths are checked with golang.org/x/mod/sumdb/tlog, or with any implementation of the RFC.
package merkle

import (
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Tree holds the nodes of a tree.
type Tree struct {
	size  int64
	nodes []tlog.Hash
}

// New makes the tree over the records.
func New(records [][]byte) (*Tree, error) {
	t := &Tree{nodes: make([]tlog.Hash, 0, 2*len(records))}
	for _, record := range records {
		fresh, err := tlog.StoredHashes(t.size, record, t)
		if err != nil {
			return nil, fmt.Errorf("add record %d to a tree: %w", t.size+1, err)
		}
		t.nodes = append(t.nodes, fresh...)
		t.size++
	}
	return t, nil
}

// Root of the tree.
func (t *Tree) Root() (tlog.Hash, error) {
	root, err := tlog.TreeHash(t.size, t)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("compute the root of %d records: %w", t.size, err)
	}
	return root, nil
}

// Prove gives the inclusion path of a record, counted from 0; tlog.CheckRecord checks it.
func (t *Tree) Prove(index int) (tlog.RecordProof, error) {
	path, err := tlog.ProveRecord(t.size, int64(index), t)
	if err != nil {
		return nil, fmt.Errorf("prove record %d of %d: %w", index+1, t.size, err)
	}
	return path, nil
}

var errNoNode = errors.New("node is not in the tree")

// ReadHashes implements tlog.HashReader.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(t.nodes)) {
			return nil, errNoNode
		}
		found[i] = t.nodes[index]
	}
	return found, nil
}

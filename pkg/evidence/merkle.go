package evidence

import (
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// tree computes an RFC 6962 root leaf by leaf in memory logarithmic in their number.
type tree struct {
	leaves *compact.Range
}

func newTree() tree {
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	return tree{leaves: factory.NewEmptyRange(0)}
}

// add appends the leaf of one entry.
func (t tree) add(entryDigest []byte) error {
	if err := t.leaves.Append(rfc6962.DefaultHasher.HashLeaf(entryDigest), nil); err != nil {
		return fmt.Errorf("add leaf to Merkle tree: %w", err)
	}
	return nil
}

func (t tree) size() uint64 { return t.leaves.End() }

// root of the tree; that of an empty one is the hash of nothing (RFC 6962 §2.1).
func (t tree) root() ([]byte, error) {
	if t.size() == 0 {
		return rfc6962.DefaultHasher.EmptyRoot(), nil
	}
	root, err := t.leaves.GetRootHash(nil)
	if err != nil {
		return nil, fmt.Errorf("compute Merkle root: %w", err)
	}
	return root, nil
}

// auditPath is PATH(index, leaves) of RFC 6962 §2.1.1, from the leaf's sibling upwards.
func auditPath(index int, leaves [][]byte) [][]byte {
	if len(leaves) < 2 {
		return nil
	}
	k := split(len(leaves))
	if index < k {
		return append(auditPath(index, leaves[:k]), subtreeHash(leaves[k:]))
	}
	return append(auditPath(index-k, leaves[k:]), subtreeHash(leaves[:k]))
}

func subtreeHash(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	return rfc6962.DefaultHasher.HashChildren(subtreeHash(leaves[:k]), subtreeHash(leaves[k:]))
}

// split is the largest power of two below n, for n > 1.
func split(n int) int {
	k := 1
	for k<<1 < n {
		k <<= 1
	}
	return k
}

package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/naru-relay/naru/pkg/pg"
)

// ErrNotAnchored says that an entry is there but in no anchor yet; it will be within seconds.
var ErrNotAnchored = errors.New("the evidence entry is not anchored yet")

// Proof shows that an entry is in an anchor's tree. It can be checked without the database.
type Proof struct {
	Entry Record
	// Index of the entry's leaf in the anchor's tree of Anchor.Count leaves.
	Index uint64
	// Path is the audit path (RFC 6962 §2.1.1), from the leaf upwards.
	Path   [][]byte
	Anchor Anchor
}

// InclusionProof proves the entry with an id. Errors are ErrNoEntry and ErrNotAnchored, or of the
// database; a batch that does not fit its anchor any more gives a proof that Check refuses.
func InclusionProof(ctx context.Context, db pg.DBTX, entryID uuid.UUID) (Proof, error) {
	rows, err := db.Query(ctx, `select `+recordColumns+` from evidence_entry where id = $1`, entryID)
	if err != nil {
		return Proof{}, fmt.Errorf("prove evidence entry %s: %w", entryID, err)
	}
	p := Proof{}
	p.Entry, err = pgx.CollectExactlyOneRow(rows, scanRecord)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNoEntry
	}
	if err != nil {
		return Proof{}, fmt.Errorf("prove evidence entry %s: %w", entryID, err)
	}
	p.Anchor, err = oneAnchor(ctx, db, `where xid_from <= $1::xid8 and xid_below > $1::xid8`, p.Entry.XID)
	if err == nil && p.Anchor.Seq == 0 {
		err = ErrNotAnchored
	}
	if err != nil {
		return Proof{}, fmt.Errorf("prove evidence entry %s: %w", entryID, err)
	}
	index, leaves, err := leavesOf(ctx, db, p.Anchor, entryID)
	if err != nil {
		return Proof{}, fmt.Errorf("prove evidence entry %s: %w", entryID, err)
	}
	p.Index = uint64(index) // an index is not negative
	p.Path = auditPath(index, leaves)
	return p, nil
}

func leavesOf(ctx context.Context, db pg.DBTX, a Anchor, entryID uuid.UUID) (int, [][]byte, error) {
	rows, err := db.Query(ctx,
		`select id, digest
		   from evidence_entry
		  where xid >= $1::xid8 and xid < $2::xid8
		  order by xid, id`, a.XIDFrom, a.XIDBelow)
	if err != nil {
		return 0, nil, fmt.Errorf("read batch of anchor %d: %w", a.Seq, err)
	}
	index := -1
	var leaves [][]byte
	var id uuid.UUID
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &digest}, func() error {
		if id == entryID {
			index = len(leaves)
		}
		leaves = append(leaves, rfc6962.DefaultHasher.HashLeaf(digest))
		return nil
	})
	if err != nil {
		return 0, nil, fmt.Errorf("read batch of anchor %d: %w", a.Seq, err)
	}
	if index < 0 {
		return 0, nil, fmt.Errorf("read batch of anchor %d: %w", a.Seq, ErrNoEntry)
	}
	return index, leaves, nil
}

// Check verifies a proof from the entry's fields up to the signature. It does not look at the chain.
func (p Proof) Check(ctx context.Context, keys Verifier) error {
	digest := p.Entry.ComputeDigest()
	if !bytes.Equal(digest, p.Entry.Digest) {
		return errors.New("check evidence proof: the entry's fields do not give its digest")
	}
	leaf := rfc6962.DefaultHasher.HashLeaf(digest)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Anchor.Count, leaf, p.Path, p.Anchor.Root); err != nil {
		return fmt.Errorf("check evidence proof: the entry is not in the anchor's tree: %w", err)
	}
	if !bytes.Equal(p.Anchor.ComputeDigest(), p.Anchor.Digest) {
		return errors.New("check evidence proof: the anchor's fields do not give its digest")
	}
	if err := keys.Verify(ctx, p.Anchor.KID, p.Anchor.Digest, p.Anchor.Signature); err != nil {
		return fmt.Errorf("check evidence proof: signature of key %s: %w", p.Anchor.KID, err)
	}
	return nil
}

package evidence

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// ViolationKind says what is wrong with the evidence.
type ViolationKind string

// What Verify can find.
const (
	// EntryChanged: an entry's fields do not give its digest.
	EntryChanged ViolationKind = "entry_changed"
	// EntryMissing: an anchor covers more entries than there are.
	EntryMissing ViolationKind = "entry_missing"
	// EntryAdded: there are more entries than the anchor covers.
	EntryAdded ViolationKind = "entry_added"
	// RootDiffers: the entries are as many as anchored, but not the same or not in the same order.
	RootDiffers ViolationKind = "root_differs"
	// AnchorChanged: an anchor's fields do not give its digest.
	AnchorChanged ViolationKind = "anchor_changed"
	// ChainBroken: an anchor does not follow the one before it.
	ChainBroken ViolationKind = "chain_broken"
	// BadSignature: an anchor's signature does not verify.
	BadSignature ViolationKind = "bad_signature"
	// KnownAnchorDiffers: an anchor known from elsewhere is not there or is another one.
	KnownAnchorDiffers ViolationKind = "known_anchor_differs"
)

// Violation is one thing found wrong.
type Violation struct {
	Kind ViolationKind
	// Seq of the anchor; 0 for an entry that no anchor covers yet.
	Seq int64
	// EntryID is set for EntryChanged.
	EntryID uuid.UUID
	Detail  string
}

// Report is what Verify found.
type Report struct {
	// Anchors and Entries that were recomputed; Entries include those not anchored yet.
	Anchors, Entries uint64
	// Unanchored entries have their digest checked and nothing else.
	Unanchored uint64
	// Expired anchors cover entries that are gone for reasons of age.
	Expired uint64
	// Head is the newest anchor; the zero Anchor when there is none.
	Head       Anchor
	Violations []Violation
}

// VerifyOptions of Verify. The zero value expects every entry ever anchored.
type VerifyOptions struct {
	// RetainedSince allows the entries of anchors made before it to be missing, because partitions
	// are dropped whole after the retention. Anchors themselves are never dropped.
	RetainedSince time.Time
	// Known are anchors kept elsewhere (only Seq and Digest are looked at).
	Known []Anchor
}

const anchorPage = 256

// Verify recomputes every entry, tree, chain link and signature of the unit whose schema db works in,
// as of one moment, and reports every violation. An error means that it could not finish.
func Verify(ctx context.Context, db pg.Beginner, keys Verifier, opts VerifyOptions) (Report, error) {
	var report Report
	err := pg.InTx(ctx, db, func(tx pgx.Tx) error {
		v := verification{tx: tx, keys: keys, opts: opts, known: map[int64][]byte{}}
		for _, k := range opts.Known {
			v.known[k.Seq] = k.Digest
		}
		if err := v.run(ctx); err != nil {
			return err
		}
		report = v.report
		return nil
	}, pg.Isolation(pgx.RepeatableRead), pg.ReadOnly())
	if err != nil {
		return Report{}, fmt.Errorf("verify evidence: %w", err)
	}
	return report, nil
}

type verification struct {
	tx     pgx.Tx
	keys   Verifier
	opts   VerifyOptions
	known  map[int64][]byte
	report Report
}

func (v *verification) run(ctx context.Context) error {
	var prev Anchor
	for {
		rows, err := v.tx.Query(ctx,
			`select `+anchorColumns+` from evidence_anchor where seq > $1 order by seq limit $2`, prev.Seq, anchorPage)
		if err != nil {
			return fmt.Errorf("read anchors: %w", err)
		}
		page, err := pgx.CollectRows(rows, scanAnchor)
		if err != nil {
			return fmt.Errorf("read anchors: %w", err)
		}
		for _, a := range page {
			v.anchor(ctx, a, prev)
			if err := v.batch(ctx, a); err != nil {
				return err
			}
			prev = a
		}
		if len(page) < anchorPage {
			break
		}
	}
	v.report.Head = prev
	for seq := range v.known {
		v.found(Violation{Kind: KnownAnchorDiffers, Seq: seq, Detail: "it is not there"})
	}
	return v.unanchored(ctx, prev)
}

func (v *verification) found(violation Violation) {
	v.report.Violations = append(v.report.Violations, violation)
}

// anchor checks an anchor for itself and against the one before it.
func (v *verification) anchor(ctx context.Context, a, prev Anchor) {
	v.report.Anchors++
	for _, detail := range a.follows(prev) {
		v.found(Violation{Kind: ChainBroken, Seq: a.Seq, Detail: detail})
	}
	if !bytes.Equal(a.ComputeDigest(), a.Digest) {
		v.found(Violation{Kind: AnchorChanged, Seq: a.Seq, Detail: "its fields do not give its digest"})
	}
	if err := v.keys.Verify(ctx, a.KID, a.Digest, a.Signature); err != nil {
		v.found(Violation{Kind: BadSignature, Seq: a.Seq, Detail: fmt.Sprintf("key %s: %v", a.KID, err)})
	}
	if digest, ok := v.known[a.Seq]; ok {
		if !bytes.Equal(digest, a.Digest) {
			v.found(Violation{Kind: KnownAnchorDiffers, Seq: a.Seq, Detail: "it has another digest"})
		}
		delete(v.known, a.Seq)
	}
}

// batch compares the entries an anchor covers with its root.
func (v *verification) batch(ctx context.Context, a Anchor) error {
	batch := newTree()
	err := v.entries(ctx, a.Seq, `xid >= $1::xid8 and xid < $2::xid8`, []any{a.XIDFrom, a.XIDBelow}, batch.add)
	if err != nil {
		return err
	}
	root, err := batch.root()
	if err != nil {
		return err
	}
	counts := fmt.Sprintf("%d entries anchored, %d there", a.Count, batch.size())
	switch {
	case batch.size() < a.Count && a.AnchoredAt.Before(v.opts.RetainedSince):
		v.report.Expired++
	case batch.size() < a.Count:
		v.found(Violation{Kind: EntryMissing, Seq: a.Seq, Detail: counts})
	case batch.size() > a.Count:
		v.found(Violation{Kind: EntryAdded, Seq: a.Seq, Detail: counts})
	case !bytes.Equal(root, a.Root):
		v.found(Violation{Kind: RootDiffers, Seq: a.Seq, Detail: counts})
	}
	return nil
}

func (v *verification) unanchored(ctx context.Context, head Anchor) error {
	before := v.report.Entries
	err := v.entries(ctx, 0, `xid >= $1::xid8`, []any{head.XIDBelow}, func([]byte) error { return nil })
	v.report.Unanchored = v.report.Entries - before
	return err
}

// entries recomputes entries one at a time, in the order of the tree.
func (v *verification) entries(ctx context.Context, seq int64, where string, args []any, add func([]byte) error) error {
	rows, err := v.tx.Query(ctx, `select `+recordColumns+` from evidence_entry where `+where+` order by xid, id`, args...)
	if err != nil {
		return fmt.Errorf("read entries of anchor %d: %w", seq, err)
	}
	defer rows.Close()
	for rows.Next() {
		r, err := scanRecord(rows)
		if err != nil {
			return fmt.Errorf("read entries of anchor %d: %w", seq, err)
		}
		v.report.Entries++
		if !bytes.Equal(r.ComputeDigest(), r.Digest) {
			v.found(Violation{Kind: EntryChanged, Seq: seq, EntryID: r.ID, Detail: "its fields do not give its digest"})
		}
		if err := add(r.Digest); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read entries of anchor %d: %w", seq, err)
	}
	return nil
}

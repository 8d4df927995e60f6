package evidence_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
)

// kinds of a report without repetition, in the order found.
func kinds(r evidence.Report) []evidence.ViolationKind {
	var out []evidence.ViolationKind
	for _, v := range r.Violations {
		if len(out) == 0 || out[len(out)-1] != v.Kind {
			out = append(out, v.Kind)
		}
	}
	return out
}

func TestVerifyFindsEveryKindOfTampering(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, sql string // as the owner; three anchors cover doc-0, doc-1 and doc-2, two entries each
		want      []evidence.ViolationKind
		seq       int64 // of the first violation
	}{
		{
			"an entry's field changed", `update evidence_entry set kind = 'refused' where subject = 'doc-1'`,
			[]evidence.ViolationKind{evidence.EntryChanged}, 2,
		},
		{
			"an entry's body changed", `update evidence_entry set body = 'x' where subject = 'doc-1'`,
			[]evidence.ViolationKind{evidence.EntryChanged}, 2,
		},
		{
			"an entry's record time changed", `update evidence_entry set recorded_at = recorded_at - interval '1 microsecond' where subject = 'doc-2'`,
			[]evidence.ViolationKind{evidence.EntryChanged}, 3,
		},
		{
			"the digests of two entries swapped",
			`update evidence_entry a set digest = b.digest from evidence_entry b
			  where a.subject = 'doc-1' and b.subject = 'doc-1' and a.id <> b.id`,
			[]evidence.ViolationKind{evidence.EntryChanged, evidence.RootDiffers}, 2,
		},
		{
			"an entry deleted", `delete from evidence_entry where id = (select id from evidence_entry where subject = 'doc-1' order by id limit 1)`,
			[]evidence.ViolationKind{evidence.EntryMissing}, 2,
		},
		{
			"all entries of a batch deleted", `delete from evidence_entry where subject = 'doc-0'`,
			[]evidence.ViolationKind{evidence.EntryMissing}, 1,
		},
		{
			"an entry moved to another batch",
			`update evidence_entry set xid = (select xid from evidence_entry where subject = 'doc-0' limit 1)
			  where id = (select id from evidence_entry where subject = 'doc-1' order by id limit 1)`,
			[]evidence.ViolationKind{evidence.EntryAdded, evidence.EntryMissing}, 1,
		},
		{
			"an anchor deleted", `delete from evidence_anchor where seq = 2`,
			[]evidence.ViolationKind{evidence.ChainBroken}, 3,
		},
		{
			"an anchor's time changed", `update evidence_anchor set anchored_at = anchored_at - interval '1 day' where seq = 2`,
			[]evidence.ViolationKind{evidence.AnchorChanged}, 2,
		},
		{
			"an anchor's root changed", `update evidence_anchor set root = sha256('x') where seq = 1`,
			[]evidence.ViolationKind{evidence.AnchorChanged, evidence.RootDiffers}, 1,
		},
		{
			"an anchor's digest changed", `update evidence_anchor set digest = sha256('x') where seq = 1`,
			[]evidence.ViolationKind{evidence.AnchorChanged, evidence.BadSignature, evidence.ChainBroken}, 1,
		},
		{
			"a signature of another anchor", `update evidence_anchor set signature = (select signature from evidence_anchor where seq = 3) where seq = 2`,
			[]evidence.ViolationKind{evidence.BadSignature}, 2,
		},
		{
			"an unknown key", `update evidence_anchor set kid = 'k9' where seq = 3`,
			[]evidence.ViolationKind{evidence.BadSignature}, 3,
		},
		{
			"an entry that is not anchored yet changed", `update evidence_entry set actor = 'x' where subject = 'open'`,
			[]evidence.ViolationKind{evidence.EntryChanged}, 0,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i := range 3 {
				subject := fmt.Sprintf("doc-%d", i)
				b.append(t, entry(subject), entry(subject))
				b.anchorAll(t)
			}
			b.append(t, entry("open"))
			require.Empty(t, b.verify(t).Violations)

			tag, err := b.db.Owner.Exec(t.Context(), tc.sql)
			require.NoError(t, err)
			require.NotZero(t, tag.RowsAffected(), "the test changed nothing")

			r := b.verify(t)
			require.Equal(t, tc.want, kinds(r))
			require.Equal(t, tc.seq, r.Violations[0].Seq)
		})
	}
}

// An attacker who can write tables recomputes digests, but not signatures.
func TestVerifyFindsAForgedEntryWithAFittingDigest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-1"))
	b.anchorAll(t)
	records, err := evidence.BySubject(t.Context(), b.db.App, "doc-1", 1)
	require.NoError(t, err)
	forged := records[0]
	forged.Body = []byte("another story")
	_, err = b.db.Owner.Exec(t.Context(), `update evidence_entry set body = $1, digest = $2`, forged.Body, forged.ComputeDigest())
	require.NoError(t, err)
	require.Equal(t, []evidence.ViolationKind{evidence.RootDiffers}, kinds(b.verify(t)))

	p, err := evidence.InclusionProof(t.Context(), b.db.App, forged.ID)
	require.NoError(t, err)
	require.ErrorContains(t, p.Check(t.Context(), b.keys), "not in the anchor's tree")
}

func TestAKnownAnchorShowsARemovedTail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(t, entry("doc-1"))
	b.anchorAll(t)
	b.append(t, entry("doc-2"))
	b.anchorAll(t)
	head, err := evidence.Head(t.Context(), b.db.App)
	require.NoError(t, err)
	_, err = b.db.Owner.Exec(t.Context(), `delete from evidence_entry where subject = 'doc-2'`)
	require.NoError(t, err)
	_, err = b.db.Owner.Exec(t.Context(), `delete from evidence_anchor where seq = 2`)
	require.NoError(t, err)
	require.Empty(t, b.verify(t).Violations, "alone, the rest looks complete")

	r, err := evidence.Verify(t.Context(), b.db.App, b.keys, evidence.VerifyOptions{Known: []evidence.Anchor{head}})
	require.NoError(t, err)
	require.Equal(t, []evidence.ViolationKind{evidence.KnownAnchorDiffers}, kinds(r))
}

func TestInclusionProofsOfEveryTreeSize(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for size := 1; size <= 9; size++ {
		var batch []evidence.Entry
		for range size {
			batch = append(batch, entry(fmt.Sprintf("size-%d", size)))
		}
		b.append(t, batch...)
		b.anchorAll(t)
		for i, e := range batch {
			p, err := evidence.InclusionProof(t.Context(), b.db.App, e.ID)
			require.NoError(t, err)
			require.Equal(t, uint64(size), p.Anchor.Count) // small
			require.Equal(t, uint64(i), p.Index)           // small
			require.NoError(t, p.Check(t.Context(), b.keys), "leaf %d of %d", i, size)
		}
	}
}

// The root of a tree of two is written out by hand: SHA-256(1 SHA-256(0 a) SHA-256(0 b)).
func TestRootIsThatOfRFC6962(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := entry("doc-1"), entry("doc-1")
	b.append(t, first, second)
	b.anchorAll(t)
	records, err := evidence.BySubject(t.Context(), b.db.App, "doc-1", 2)
	require.NoError(t, err)
	left := sha256.Sum256(append([]byte{0}, records[0].Digest...))
	right := sha256.Sum256(append([]byte{0}, records[1].Digest...))
	want := sha256.Sum256(bytes.Join([][]byte{{1}, left[:], right[:]}, nil))
	head, err := evidence.Head(t.Context(), b.db.App)
	require.NoError(t, err)
	require.Equal(t, want[:], head.Root)
	require.Equal(t, make([]byte, 32), head.PrevDigest)
}

func TestProofsSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := evidence.InclusionProof(t.Context(), b.db.App, id.New())
	require.ErrorIs(t, err, evidence.ErrNoEntry)
	e := entry("doc-1")
	b.append(t, e, entry("doc-1"))
	_, err = evidence.InclusionProof(t.Context(), b.db.App, e.ID)
	require.ErrorIs(t, err, evidence.ErrNotAnchored)
	b.anchorAll(t)
	good, err := evidence.InclusionProof(t.Context(), b.db.App, e.ID)
	require.NoError(t, err)
	require.NoError(t, good.Check(t.Context(), b.keys))

	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	require.ErrorContains(t, good.Check(t.Context(), evidence.ECDSAKeys{"k1": &other.PublicKey}), "signature")
	for _, tc := range []struct {
		name   string
		change func(*evidence.Proof)
	}{
		{"another field", func(p *evidence.Proof) { p.Entry.Actor = "x" }},
		{"another leaf", func(p *evidence.Proof) { p.Index = 1 }},
		{"a shorter path", func(p *evidence.Proof) { p.Path = nil }},
		{"another time of the anchor", func(p *evidence.Proof) { p.Anchor.AnchoredAt = p.Anchor.AnchoredAt.Add(time.Second) }},
		{"another size", func(p *evidence.Proof) { p.Anchor.Count = 3 }},
	} {
		p := good
		tc.change(&p)
		require.Error(t, p.Check(t.Context(), b.keys), tc.name)
	}
}

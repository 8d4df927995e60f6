package evidence

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

const anchorTag = "naru.evidence.anchor.v1\x00"

// Signer signs anchor digests (SHA-256) and names the key it used.
type Signer interface {
	Sign(ctx context.Context, digest []byte) (kid string, sig []byte, err error)
}

// Verifier checks a signature over an anchor digest with the key of that name.
type Verifier interface {
	Verify(ctx context.Context, kid string, digest, sig []byte) error
}

// KeySigner makes a Signer of a key that signs digests, e.g. one of package keys.
type KeySigner struct {
	KID string
	Key crypto.Signer
}

// Sign implements Signer.
func (s KeySigner) Sign(_ context.Context, digest []byte) (string, []byte, error) {
	sig, err := s.Key.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		return "", nil, fmt.Errorf("sign anchor with key %s: %w", s.KID, err)
	}
	return s.KID, sig, nil
}

// ECDSAKeys verifies ASN.1 ECDSA signatures with the public keys of these names.
type ECDSAKeys map[string]*ecdsa.PublicKey

// Verify implements Verifier.
func (k ECDSAKeys) Verify(_ context.Context, kid string, digest, sig []byte) error {
	key := k[kid]
	if key == nil {
		return errors.New("the key is not known")
	}
	if !ecdsa.VerifyASN1(key, digest, sig) {
		return errors.New("the signature does not fit")
	}
	return nil
}

// Anchor commits to a batch of entries and to all anchors before it.
type Anchor struct {
	// Seq counts from 1 without gaps.
	Seq        int64
	PrevDigest []byte
	// Root of the Merkle tree over the entries whose transaction id is in [XIDFrom, XIDBelow).
	Root              []byte
	Count             uint64
	XIDFrom, XIDBelow uint64
	AnchoredAt        time.Time
	Digest            []byte
	KID               string
	Signature         []byte
}

// ComputeDigest is the digest the anchor's fields call for.
func (a Anchor) ComputeDigest() []byte {
	b := append([]byte(anchorTag), make([]byte, 0, 128)...)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Seq)) // counts from 1
	b = append(b, a.PrevDigest...)
	b = append(b, a.Root...)
	b = binary.BigEndian.AppendUint64(b, a.Count)
	b = binary.BigEndian.AppendUint64(b, a.XIDFrom)
	b = binary.BigEndian.AppendUint64(b, a.XIDBelow)
	b = appendTime(b, a.AnchoredAt)
	sum := sha256.Sum256(b)
	return sum[:]
}

// follows reports what breaks the chain between two anchors. The zero Anchor precedes the first.
func (a Anchor) follows(prev Anchor) []string {
	var broken []string
	if a.Seq != prev.Seq+1 {
		broken = append(broken, fmt.Sprintf("sequence number follows %d", prev.Seq))
	}
	if !bytes.Equal(a.PrevDigest, prev.chainDigest()) {
		broken = append(broken, "previous digest is not that of the anchor before")
	}
	if a.XIDFrom != prev.XIDBelow {
		broken = append(broken, "batch does not begin where the one before ended")
	}
	return broken
}

func (a Anchor) chainDigest() []byte {
	if a.Seq == 0 {
		return make([]byte, sha256.Size)
	}
	return a.Digest
}

const anchorColumns = `seq, prev_digest, root, entry_count, xid_from, xid_below, anchored_at, digest, kid, signature`

func scanAnchor(row pgx.CollectableRow) (Anchor, error) {
	var a Anchor
	err := row.Scan(&a.Seq, &a.PrevDigest, &a.Root, &a.Count, &a.XIDFrom, &a.XIDBelow, &a.AnchoredAt,
		&a.Digest, &a.KID, &a.Signature)
	a.AnchoredAt = clock.Canonical(a.AnchoredAt)
	return a, err
}

// Head reads the newest anchor; before the first it returns the zero Anchor.
func Head(ctx context.Context, db pg.DBTX) (Anchor, error) {
	return oneAnchor(ctx, db, `order by seq desc limit 1`)
}

func oneAnchor(ctx context.Context, db pg.DBTX, which string, args ...any) (Anchor, error) {
	rows, err := db.Query(ctx, `select `+anchorColumns+` from evidence_anchor `+which, args...)
	if err != nil {
		return Anchor{}, fmt.Errorf("read anchor: %w", err)
	}
	a, err := pgx.CollectExactlyOneRow(rows, scanAnchor)
	if errors.Is(err, pgx.ErrNoRows) {
		return Anchor{}, nil
	}
	if err != nil {
		return Anchor{}, fmt.Errorf("read anchor: %w", err)
	}
	return a, nil
}

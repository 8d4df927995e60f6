package journal

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Violation codes of Verify. docs/verification.md says what each means and what to do.
const (
	FrameChanged      = "frame_changed"      // a row's header is not the one its leaf was made of
	FrameMissing      = "frame_missing"      // a leaf has no row
	FrameUnmarked     = "frame_unmarked"     // a row has no mark
	FrameUnlogged     = "frame_unlogged"     // a row has had no leaf for longer than logging takes
	FrameForged       = "frame_forged"       // a row's MAC is not the unit's (only where the key folder is given)
	BodyChanged       = "body_changed"       // a body does not open to the root in its header
	LeafMisplaced     = "leaf_misplaced"     // leaf indices are not dense
	TimeOutside       = "time_outside"       // a leaf's time does not fit its checkpoint, and nobody released it
	RootDiffers       = "root_differs"       // the leaves do not give a checkpoint's root
	CheckpointChanged = "checkpoint_changed" // a checkpoint is not signed by the log's key, or its row says something else
	CheckpointMissing = "checkpoint_missing" // checkpoints are not numbered densely
	CosignatureWrong  = "cosignature_wrong"  // a cosignature is no known witness's
	NotWitnessed      = "not_witnessed"      // no witness has cosigned the newest checkpoint, or its newest cosignature is too old
	LogCutOff         = "log_cut_off"        // a checkpoint known from elsewhere is larger than the log
	HistoryDiffers    = "history_differs"    // a checkpoint known from elsewhere has another root
	GenerationUnasked = "generation_unasked" // no operator's act began this generation of the log
)

// Violation is one thing found wrong.
type Violation struct {
	Unit string `json:"unit"`
	Code string `json:"code"`
	// Subject is the frame, the checkpoint's size or whatever it is about.
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
}

// Verification is what Verify found.
type Verification struct {
	Unit        string `json:"unit"`
	Frames      int64  `json:"frames"`
	Events      int64  `json:"events"`
	Leaves      int64  `json:"leaves"`
	Checkpoints int64  `json:"checkpoints"`
	// Pending frames have no leaf yet; Held and Refused frames have none for a recorded reason.
	Pending int64 `json:"pending"`
	Held    int64 `json:"held"`
	Refused int64 `json:"refused"`
	// MACs checked and not checked; without the key folder none is.
	MACsChecked    int64 `json:"macsChecked"`
	MACsNotChecked int64 `json:"macsNotChecked"`
	// Later cosignatures checked and not checked: of a witness whose key was not given.
	CosignaturesChecked    int64 `json:"cosignaturesChecked"`
	CosignaturesNotChecked int64 `json:"cosignaturesNotChecked"`
	// WitnessedAt is the time of the newest cosignature by a unit of the relay that holds, here or kept elsewhere; absent where
	// there is none.
	WitnessedAt time.Time `json:"witnessedAt,omitzero"`
	// Time stamps checked and not checked; without roots of authorities none is.
	StampsChecked    int64       `json:"stampsChecked"`
	StampsNotChecked int64       `json:"stampsNotChecked"`
	Violations       []Violation `json:"violations"`
	// Reopened are the generations that an operator began after a restore. Their leaves are those of the database; what was lost
	// is recorded.
	Reopened []Reopening `json:"reopened,omitempty"`
}

// Reopening is the beginning of a generation of a log.
type Reopening struct {
	Generation int `json:"generation"`
	// Kept is the number of leaves the log went on from, Signed the number that had been signed.
	Kept   int64  `json:"kept"`
	Signed int64  `json:"signed"`
	Reason string `json:"reason"`
}

// VerifyOptions of Verify.
type VerifyOptions struct {
	Unit string
	// Log is the log's published verifier key. Witnesses are those of its witnesses.
	Log       string
	Witnesses []string
	// Known are checkpoints of this log that are kept elsewhere: exported, or seen by a witness.
	Known []string
	// StampRoots are the roots of the time-stamping authorities that are believed; nil: time stamps stay unchecked.
	StampRoots *x509.CertPool
	// KnownStamps are time stamps of this log's checkpoints that are kept elsewhere.
	KnownStamps []Stamp
	// Keys check MACs if the unit's key folder is available; with nil, MACs stay unchecked.
	Keys *Keys
	// Now decides what has waited too long while the relay runs. Zero for a relay that has stopped: then its last checkpoint
	// decides.
	Now time.Time
	// Policy is what is expected of the witnesses as of AsOf.
	Policy WitnessPolicy
	AsOf   time.Time
}

// patience is how long a frame may lack a leaf and a checkpoint its cosignature.
const patience = 2 * time.Minute

// Verify recomputes a unit's journal as of one moment: every body, every leaf, the tree, every checkpoint, and compares it with
// what is kept elsewhere. An error means that it could not finish. db only needs to read the unit's schema.
func Verify(ctx context.Context, db *pgxpool.Pool, opts VerifyOptions) (Verification, error) {
	v := &verification{opts: opts, there: map[logSize]bool{}, outsideAt: map[string]time.Time{}, report: Verification{Unit: opts.Unit, Violations: []Violation{}}}
	var err error
	if v.log, err = note.NewVerifier(opts.Log); err != nil {
		return Verification{}, fmt.Errorf("verify %s: read the log's key: %w", opts.Unit, err)
	}
	if v.witnesses, err = WitnessKeys(opts.Witnesses); err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", opts.Unit, err)
	}
	if v.outside, err = WitnessKeys(opts.Policy.Outside); err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", opts.Unit, err)
	}
	err = pg.InTx(ctx, db, func(tx *pg.Tx) error {
		v.tx = tx
		if err := tx.SearchPath(ctx, opts.Unit); err != nil {
			return err
		}
		for _, step := range []func(context.Context) error{v.reopenings, v.checkpoints, v.known, v.witnessed, v.stamps, v.leaves, v.unlogged} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	}, pg.Isolation(pgx.RepeatableRead), pg.ReadOnly())
	if err != nil {
		return Verification{}, fmt.Errorf("verify %s: %w", opts.Unit, err)
	}
	return v.report, nil
}

type verification struct {
	opts      VerifyOptions
	tx        *pg.Tx
	log       note.Verifier
	witnesses []note.Verifier
	outside   []note.Verifier
	report    Verification

	// outsideAt is when each witness outside of the relay cosigned last, by its id.
	outsideAt map[string]time.Time

	signed []Checkpoint
	others []Checkpoint
	// there are the sizes for which there is a checkpoint, whether it holds or not.
	there map[logSize]bool
	// reopened are the acts by the generation they began.
	reopened map[int]Reopening
}

func (v *verification) found(code, subject, detail string, args ...any) {
	v.report.Violations = append(v.report.Violations, Violation{Unit: v.opts.Unit, Code: code, Subject: subject, Detail: fmt.Sprintf(detail, args...)})
}

// checkpoints checks each row by itself, and that none is left out.
func (v *verification) checkpoints(ctx context.Context) error {
	var expected, seq, size int64
	var generation int
	var signed, cosigned, later string
	var made time.Time
	err := pg.Each(ctx, v.tx, "read checkpoints", []any{&seq, &generation, &size, &signed, &made, &cosigned, &later}, func() error {
		if expected++; seq != expected {
			v.found(CheckpointMissing, fmt.Sprint("checkpoint ", expected), "the next one there is %d", seq)
			expected = seq
		}
		v.report.Checkpoints++
		v.there[logSize{generation, size}] = true
		c, err := ParseCheckpoint(signed, v.log)
		if err != nil || c.N != size || c.Generation() != generation || c.Owner() != v.log.Name() {
			v.found(CheckpointChanged, fmt.Sprint("checkpoint ", seq), "it is not what the log's key signed")
			return nil //nolint:nilerr // it is reported as a violation
		}
		c.MadeAt, c.Cosigned, c.Later = made.UTC(), cosigned, later
		v.cosigned(c)
		if _, asked := v.reopened[generation]; generation > 1 && !asked {
			v.found(GenerationUnasked, fmt.Sprint("checkpoint ", seq), "no operator's act began generation %d", generation)
		}
		v.signed = append(v.signed, c)
		return nil
	}, `select c.seq, c.generation, c.size, c.note, c.made_at, coalesce(c.cosigned, ''), `+laterLines+` from log_checkpoint c order by c.seq`)
	if err != nil {
		return err
	}
	if n := len(v.signed); n > 0 && v.opts.Now.IsZero() {
		v.opts.Now = v.signed[n-1].MadeAt
	}
	return nil
}

// known reads the checkpoints kept elsewhere. They show a change even if whoever made it holds the log's key.
func (v *verification) known(context.Context) error {
	for i, signed := range v.opts.Known {
		c, err := ParseCheckpoint(signed, slices.Concat([]note.Verifier{v.log}, v.witnesses, v.outside)...)
		if err != nil {
			return fmt.Errorf("read known checkpoint %d: %w", i+1, err)
		}
		if c.Owner() != v.log.Name() {
			continue
		}
		v.others = append(v.others, c)
		if given, err := Cosignatures(signed, slices.Concat(v.witnesses, v.outside)...); err == nil {
			v.sawWitness(given)
		}
	}
	slices.SortFunc(v.others, func(a, b Checkpoint) int { return int(a.N - b.N) })
	return nil
}

// leaves walks the log from its first leaf: each leaf must match its row, and together they must give every checkpoint's root.
// The root is computed by another library than the one that wrote the tiles.
func (v *verification) leaves(ctx context.Context) error {
	size := int64(0)
	if n := len(v.signed); n > 0 {
		size = v.signed[n-1].N
	}
	hashes, err := v.leafHashes(ctx, size)
	if err != nil {
		return err
	}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	next, rooted := int64(0), false
	advance := func(to int64) error {
		for ; next < to; next++ {
			if next >= int64(len(hashes)) {
				return nil
			}
			if err := tree.Append(hashes[next][:], nil); err != nil {
				return err
			}
			root, err := tree.GetRootHash(nil)
			if err != nil {
				return err
			}
			rooted = v.compare(next+1, tlog.Hash(root), rooted)
		}
		return nil
	}
	if err := advance(size); err != nil {
		return fmt.Errorf("compute the tree: %w", err)
	}
	for _, c := range v.others {
		if c.N > next && !v.wasLost(c) {
			v.found(LogCutOff, fmt.Sprint("size ", c.N), "a checkpoint of %d leaves is known, the log has %d", c.N, next)
		}
	}
	return v.rows(ctx, hashes)
}

// compare compares the tree at a size with the checkpoints of that size. Once the tree differs it differs at every later size, so
// the difference is reported once.
func (v *verification) compare(size int64, root tlog.Hash, told bool) bool {
	for _, c := range v.signed {
		if c.N == size && c.Hash != root && !told {
			v.found(RootDiffers, fmt.Sprint("size ", size), "the leaves do not give the root that was signed")
			told = true
		}
	}
	for _, c := range v.others {
		if c.N == size && c.Hash != root && !v.wasLost(c) {
			v.found(HistoryDiffers, fmt.Sprint("size ", size), "a checkpoint known from elsewhere has another root")
		}
	}
	return told
}

// reopenings reads the operators' acts that have a leaf.
func (v *verification) reopenings(ctx context.Context) error {
	v.reopened = map[int]Reopening{}
	found, err := pg.All(ctx, v.tx, "read reopenings", scanFrame(v.opts.Unit), `
		select `+frameColumns+`
		from   journal j
		join   journal_mark m using (frame_id)
		where  j.kind = $1 and m.leaf is not null
		order  by j.frame_id`, string(frame.KindOf(&platformv1.LogReopened{})))
	if err != nil {
		return err
	}
	for _, f := range found {
		acts, err := messagesIn[*platformv1.LogReopened](f)
		if err != nil {
			continue // reported as a changed body
		}
		for _, act := range acts {
			lost, err := ParseCheckpoint(act.GetLost(), v.log)
			if err != nil {
				continue // the checkpoint it names was never signed, so it excuses nothing
			}
			r := Reopening{Generation: int(act.GetGeneration()), Kept: act.GetSize(), Signed: lost.N, Reason: act.GetReason()}
			v.reopened[r.Generation] = r
			v.report.Reopened = append(v.report.Reopened, r)
		}
	}
	return nil
}

// wasLost reports whether a checkpoint kept elsewhere belongs to leaves that a reopening recorded as lost.
func (v *verification) wasLost(c Checkpoint) bool {
	next, ok := v.reopened[c.Generation()+1]
	return ok && c.N > next.Kept && c.N <= next.Signed
}

// leafHashes are the leaves as the tiles have them.
func (v *verification) leafHashes(ctx context.Context, size int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	var n int64
	var content []byte
	err := pg.Each(ctx, v.tx, "read tiles", []any{&n, &content}, func() error {
		if n != int64(len(hashes)>>tileHeight) || len(hashes)%(1<<tileHeight) != 0 {
			return nil // a tile is missing: later checks report a log that was cut off or has another root
		}
		for i := 0; i+tlog.HashSize <= len(content); i += tlog.HashSize {
			hashes = append(hashes, tlog.Hash(content[i:i+tlog.HashSize]))
		}
		return nil
	}, `select n, hashes from log_tile where level = 0 order by n`)
	if err != nil {
		return nil, err
	}
	if int64(len(hashes)) < size {
		v.found(RootDiffers, fmt.Sprint("size ", size), "the tiles hold %d leaves", len(hashes))
	}
	return hashes[:min(int64(len(hashes)), size)], nil
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/pg"
)

// Request is what a log asks of its witness.
type Request struct {
	Checkpoint, VerifierKey string
	OldSize                 int64
	Proof                   tlog.TreeProof
	// Lost is the newest checkpoint of the generation before, if the log was reopened.
	Lost string
}

// Answer of a witness: the cosigned checkpoint, or the size it has seen and wants a proof from.
type Answer struct {
	Cosigned    string
	SeenSize    int64
	VerifierKey string
}

// Witness has another unit cosign a checkpoint.
type Witness func(ctx context.Context, r Request) (Answer, error)

// ErrNotExtended says that a checkpoint does not extend what the witness has seen: history was changed or cut off.
var ErrNotExtended = errors.New("checkpoint does not extend what this witness has seen")

func verifierOf(key *keys.NoteKey) note.Verifier {
	v, err := note.NewVerifier(key.Public)
	if err != nil { // this text was accepted when the key was read
		return nil
	}
	return v
}

// WitnessOf cosigns for other units. It keeps the newest checkpoint of each in the database and beside its keys; the larger of
// the two counts.
type WitnessOf struct {
	Journal *Journal
	Store   *keys.Store
	Key     *keys.NoteKey
	Clock   clock.Clock
}

// Cosign cosigns the checkpoint of a log. The caller has verified the log's owner. ErrNotExtended is an alarm: the log was
// changed.
func (w *WitnessOf) Cosign(ctx context.Context, owner string, r Request) (Answer, error) {
	verifier, err := note.NewVerifier(r.VerifierKey)
	if err != nil || verifier.Name() != owner {
		return Answer{}, fmt.Errorf("%w: verifier key is not one of %s", ErrNotExtended, owner)
	}
	offered, err := ParseCheckpoint(r.Checkpoint, verifier)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNotExtended, err)
	}
	if offered.Owner() != owner {
		return Answer{}, fmt.Errorf("%w: it is of another log", ErrNotExtended)
	}
	answer := Answer{VerifierKey: w.Key.PublicCosigner}
	err = w.Journal.InTx(ctx, func(tx *Tx) error {
		seen, err := w.seen(ctx, tx.Tx, owner, r.VerifierKey)
		if err != nil {
			return err
		}
		answer.Cosigned, answer.SeenSize = "", seen.N
		switch {
		case seen.N > 0 && offered.Origin != seen.Origin:
			if err := w.follow(ctx, tx, owner, seen, offered, r.Lost, verifier); err != nil {
				return err
			}
		case offered.N < seen.N:
			return fmt.Errorf("%w: %d leaves after %d", ErrNotExtended, offered.N, seen.N)
		case offered.N == seen.N && offered.Hash != seen.Hash:
			return fmt.Errorf("%w: another root at %d leaves", ErrNotExtended, seen.N)
		case r.OldSize != seen.N && offered.N != seen.N:
			return nil // the log must prove consistency from where this witness stands
		case seen.N > 0 && offered.N > seen.N:
			if err := tlog.CheckTree(r.Proof, offered.N, offered.Hash, seen.N, seen.Hash); err != nil {
				return fmt.Errorf("%w: %w", ErrNotExtended, err)
			}
		}
		if err := w.keep(ctx, tx.Tx, owner, offered, r.VerifierKey); err != nil {
			return err
		}
		signed, err := note.Sign(&note.Note{Text: unsignedText(offered.Note)}, w.Key.Cosigner)
		if err != nil {
			return fmt.Errorf("cosign: %w", err)
		}
		answer.Cosigned, answer.SeenSize = string(signed), offered.N
		return nil
	})
	return answer, err
}

// seen is the newest checkpoint this witness has seen of a log, by its row and its file.
func (w *WitnessOf) seen(ctx context.Context, tx *pg.Tx, owner, verifierKey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(verifierKey)
	if err != nil {
		return Checkpoint{}, err
	}
	const read = `select note from witnessed_checkpoint where origin = $1 for update`
	var row string
	if _, err := pg.Scan(ctx, tx, "read what was witnessed", []any{&row}, read, owner); err != nil {
		return Checkpoint{}, err
	}
	kept, err := w.Store.Remembered(witnessFile(owner))
	if err != nil && !errors.Is(err, keys.ErrNotFound) {
		return Checkpoint{}, fmt.Errorf("read what was witnessed: %w", err)
	}
	key, file, _ := strings.Cut(string(kept), "\n")
	if key != "" && key != verifierKey {
		return Checkpoint{}, fmt.Errorf("%w: the log has another key than the one seen first", ErrNotExtended)
	}
	var newest Checkpoint
	for _, signed := range []string{row, file} {
		if signed == "" {
			continue
		}
		c, err := ParseCheckpoint(signed, verifier)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("what was witnessed: %w", err)
		}
		if c.Generation() > newest.Generation() || c.Generation() == newest.Generation() && c.N > newest.N {
			newest = c
		}
	}
	return newest, nil
}

// keep stores a checkpoint before it is cosigned, in the file first, because a row can be rolled back.
func (w *WitnessOf) keep(ctx context.Context, tx *pg.Tx, owner string, c Checkpoint, verifierKey string) error {
	if err := w.Store.Remember(witnessFile(owner), []byte(verifierKey+"\n"+c.Note)); err != nil {
		return fmt.Errorf("keep what is witnessed: %w", err)
	}
	const upsert = `
		insert into witnessed_checkpoint (origin, size, note, witnessed_at)
		values ($1, $2, $3, $4)
		on conflict (origin) do update
		set    size = excluded.size, note = excluded.note, witnessed_at = excluded.witnessed_at`
	return pg.Exec(ctx, tx, "keep what is witnessed", upsert, owner, c.N, c.Note, w.Clock.Now().Truncate(time.Microsecond))
}

func witnessFile(owner string) string {
	return "witness-" + owner[strings.LastIndexByte(owner, '/')+1:]
}

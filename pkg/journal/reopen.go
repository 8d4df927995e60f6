package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// ErrLogWhole says that the log holds all that was signed, so there is nothing to reopen.
var ErrLogWhole = errors.New("the log holds all that was signed")

// Reopen begins a new generation of a log whose database was restored from an older copy; the log continues from what the
// database holds. The operator's act is a fact that keeps the newest checkpoint of the lost part, so that nobody can present what
// is left as all there was. The witness keeps that checkpoint, too. Reopen returns the new generation.
func (l *Logger) Reopen(ctx context.Context, j *Journal, operator, reason string) (int, error) {
	l.pass.Lock()
	defer l.pass.Unlock()
	var generation int
	err := j.inTx(ctx, func(tx *Tx) error {
		former, err := l.turn(ctx, tx.Tx)
		if err != nil {
			return err
		}
		if _, err := l.newest(ctx, tx.Tx, former); !errors.Is(err, ErrLogWentBack) {
			return errors.Join(err, ErrLogWhole)
		}
		lost, err := l.kept()
		if err != nil {
			return err
		}
		here, err := Newest(ctx, tx)
		if err != nil {
			return err
		}
		generation = max(former, lost.Generation()) + 1
		err = tx.Record(ctx, Fact{Subject: fmt.Sprintf("log:%d", generation), Actor: operator, OccurredAt: j.deps.Clock.Now(), Message: &platformv1.LogReopened{
			Generation: int32(generation), Size: here.N, Root: here.Hash[:], Lost: lost.Note, Reason: reason, //nolint:gosec // it counts restores
		}})
		if err != nil {
			return err
		}
		// The act is the first frame of this commit.
		return pg.Exec(ctx, tx, "begin a generation", `update log_turn set generation = $1, reopened_by = $2`, generation, frame.IDOf(tx.CommitID(), 1))
	})
	if err != nil {
		return 0, fmt.Errorf("reopen the log of %s: %w", l.deps.Unit, err)
	}
	l.note(nil)
	return generation, nil
}

// reopening reads the act by which a generation was begun. It must be in a frame of this unit; the row in log_turn alone is not
// enough.
func (l *Logger) reopening(ctx context.Context, db pg.DBTX, generation int) (*platformv1.LogReopened, error) {
	by, err := pg.Value[*uuid.UUID](ctx, db, "read who reopened the log", `select reopened_by from log_turn`)
	if err != nil {
		return nil, err
	}
	if by == nil {
		return nil, fmt.Errorf("%w: generation %d was begun by nobody's act", ErrLogWentBack, generation)
	}
	acts, err := actsIn[*platformv1.LogReopened](ctx, l, db, *by)
	if err != nil {
		return nil, fmt.Errorf("generation %d: %w", generation, err)
	}
	for _, act := range acts {
		if int(act.GetGeneration()) == generation {
			return act, nil
		}
	}
	return nil, fmt.Errorf("%w: generation %d was begun by nobody's act", ErrLogWentBack, generation)
}

// lost is the newest checkpoint of the generation before, which a request of this generation tells the witness; empty in the
// first generation.
func (l *Logger) lost(ctx context.Context, newest Checkpoint) (string, error) {
	if newest.Generation() <= 1 {
		return "", nil
	}
	act, err := l.reopening(ctx, l.deps.DB, newest.Generation())
	if err != nil {
		return "", err
	}
	return act.GetLost(), nil
}

// follow lets a witness follow a log into a new generation. The log itself says how far the former generation had come, and that
// must not be less than this witness has seen. What is lost is recorded here, too.
func (w *WitnessOf) follow(ctx context.Context, tx *Tx, owner string, seen, offered Checkpoint, told string, verifier note.Verifier) error {
	lost, err := ParseCheckpoint(told, verifier)
	switch {
	case err != nil, offered.Generation() <= seen.Generation():
		return fmt.Errorf("%w: another generation", ErrNotExtended)
	case lost.Generation() != seen.Generation(), lost.N < seen.N, lost.N == seen.N && lost.Hash != seen.Hash:
		return fmt.Errorf("%w: another generation, whose beginning does not tell of the %d leaves seen", ErrNotExtended, seen.N)
	}
	return tx.Record(ctx, Fact{Subject: "witnessed:" + offered.Origin, Actor: "unit:" + w.Journal.deps.Unit, OccurredAt: w.Clock.Now(),
		Message: &platformv1.ReopeningWitnessed{Owner: owner, Lost: lost.Note, Begun: offered.Note}})
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/tlog"
)

// haveCosigned asks the witness to cosign the newest checkpoint, if it has no cosignature yet, or if its newest one is as old as
// CosignEvery: so a log that stands still shows that it is alive, and one whose witness is gone does not.
func (l *Logger) haveCosigned(ctx context.Context) error {
	if l.deps.Witness == nil {
		return nil
	}
	newest, err := Newest(ctx, l.deps.DB)
	if err != nil || newest.N == 0 {
		return err
	}
	if due := l.cosignatureDue(newest); !due {
		return nil
	}
	given, first, err := l.askWitness(ctx, newest)
	if err != nil {
		return fmt.Errorf("have %d leaves cosigned: %w", newest.N, err)
	}
	if newest.Cosigned == "" {
		err = keepCosignature(ctx, l.deps.DB, newest, first)
	} else {
		err = keepLater(ctx, l.deps.DB, newest, given, l.deps.Clock.Now())
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.answered, l.overdue = l.deps.Clock.Now(), time.Time{}
	l.mu.Unlock()
	if l.deps.Export == nil {
		return nil
	}
	shown, err := l.deps.Publication.Newest(ctx, l.deps.DB)
	if err != nil || shown.N == 0 {
		return err
	}
	return l.deps.Export(l.deps.Unit, shown)
}

// cosignatureDue reports whether the newest checkpoint is to be cosigned, and keeps since when.
func (l *Logger) cosignatureDue(newest Checkpoint) bool {
	now := l.deps.Clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	since := newest.MadeAt
	if newest.Cosigned != "" {
		since = now
		if last := l.lastCosigned(newest, now); !last.IsZero() {
			since = last.Add(l.deps.CosignEvery)
		}
		if since.After(now) {
			l.overdue = time.Time{}
			return false
		}
	}
	l.overdue = earlierOf(l.overdue, since)
	return true
}

// lastCosigned is when the newest checkpoint was cosigned last, as far as this process knows; zero where the clock was set back
// since, so that no time is one to go by.
func (l *Logger) lastCosigned(newest Checkpoint, now time.Time) (last time.Time) {
	for _, at := range []time.Time{newest.MadeAt, l.answered} {
		if !at.After(now.Add(window)) {
			last = laterOf(last, at)
		}
	}
	return last
}

// askWitness returns the witness's cosignature of the newest checkpoint, alone and under the checkpoint's text.
func (l *Logger) askWitness(ctx context.Context, newest Checkpoint) (given Cosignature, signed string, err error) {
	r := Request{Checkpoint: newest.Note, VerifierKey: l.deps.Signer.Public}
	if r.Lost, err = l.lost(ctx, newest); err != nil {
		return Cosignature{}, "", err
	}
	answer, err := l.deps.Witness(ctx, r)
	if err == nil && answer.Cosigned == "" {
		grown := openTree(ctx, l.deps.DB, newest.Tree)
		r.OldSize = answer.SeenSize
		if r.Proof, err = tlog.ProveTree(newest.N, answer.SeenSize, grown); err != nil {
			return Cosignature{}, "", fmt.Errorf("prove the log since %d leaves: %w", answer.SeenSize, err)
		}
		answer, err = l.deps.Witness(ctx, r)
	}
	if err != nil {
		return Cosignature{}, "", err
	}
	verifier, err := formats.NewVerifierForCosignatureV1(answer.VerifierKey)
	if err != nil {
		return Cosignature{}, "", fmt.Errorf("read the witness's key: %w", err)
	}
	all, err := Cosignatures(answer.Cosigned, verifier)
	if err != nil || unsignedText(answer.Cosigned) != unsignedText(newest.Note) {
		return Cosignature{}, "", errors.New("the witness answered with another checkpoint")
	}
	return all[0], unsignedText(newest.Note) + "\n" + all[0].Line, nil
}

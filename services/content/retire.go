package content

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	retireBatch = 200
	// heldPause is how long a file under legal hold is not looked at again.
	heldPause = 24 * time.Hour
	// acceptMargin is how much earlier than its acceptance a document may have been asked about here.
	acceptMargin = time.Minute
	askTimeout   = 10 * time.Second
)

// retireTask deletes uploads that nothing needs any more.
func (s *service) retireTask() lifecycle.Task {
	return lifecycle.Task{Name: "retire", Run: func(ctx context.Context) error {
		tick := time.NewTicker(s.config.SweepInterval.Std())
		defer tick.Stop()
		for {
			if err := s.retire(ctx); err != nil && ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "uploads that nothing needs were not deleted", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return nil
			case <-s.retires:
			case <-tick.C:
			}
		}
	}}
}

// retire deletes what has had its time. An upload that was ready goes only when no acceptance that names it can still be on its
// way: intake says up to when every acceptance is published, and all of them have to be taken in here. Any number of replicas may
// do so at once.
func (s *service) retire(ctx context.Context) error {
	expiry, err := s.expiry(ctx)
	if err != nil || expiry.IsZero() {
		return err
	}
	if due, err := anyDue(ctx, s.db, expiry); err != nil || !due {
		return err
	}
	known, err := s.acceptancesKnown(ctx)
	if err != nil {
		return err
	}
	for more := true; more; {
		if err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
			due, err := lockDue(ctx, tx, expiry, retireBatch)
			if err != nil {
				return err
			}
			gone, later := s.judge(due, known)
			more = len(due) == retireBatch && len(gone)+len(later) > 0
			if err := keepLonger(ctx, tx, later, expiry.Add(heldPause)); err != nil {
				return err
			}
			for _, d := range gone {
				s.countDeleted(ctx, tx, d.why)
			}
			return destroy(ctx, tx, gone, s.clock.Now())
		}); err != nil {
			return err
		}
	}
	return nil
}

// judge says which of the uploads whose time is over are deleted, and which are held. The others are looked at again.
func (s *service) judge(due []candidate, known time.Time) (gone []deletion, held []uuid.UUID) {
	for _, c := range due {
		switch {
		case c.held:
			held = append(held, c.id)
		case c.leased:
		case c.state == Ready && !c.keptUntil.Add(acceptMargin).Before(known):
		case c.dismissedBy != nil:
			gone = append(gone, deletion{id: c.id, why: whyOwner, actor: *c.dismissedBy})
		case c.named:
			gone = append(gone, deletion{id: c.id, why: whyNotNeeded, actor: actor})
		default:
			gone = append(gone, deletion{id: c.id, why: whyUnused, actor: actor})
		}
	}
	return gone, held
}

// acceptancesKnown is up to when every acceptance is known here; zero while that cannot be told. It asks intake first and the bus
// afterwards: what was published by then is what has to be here.
func (s *service) acceptancesKnown(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	told, err := s.intake.GetHorizon(ctx, &intakev1.GetHorizonRequest{})
	if err != nil {
		return time.Time{}, err
	}
	all, err := s.reached(ctx, "intake", told.GetSequence())
	if err != nil || !all {
		return time.Time{}, err
	}
	return told.GetUntil().AsTime(), nil
}

func (s *service) countDeleted(ctx context.Context, tx *journal.Tx, why string) {
	tx.OnCommit(func() { s.metrics.deleted.Add(context.WithoutCancel(ctx), 1, of("why", why)) })
}

package certificate

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/work"
)

// RenewalConfig says when bundles are stamped again.
type RenewalConfig struct {
	// Before the newest time stamp ends to prove anything by itself; default 90 days.
	Before config.Duration `yaml:"before"`
	// Interval of looking for bundles that are due; default 10 minutes.
	Interval config.Duration `yaml:"interval"`
}

func (c RenewalConfig) validate() error {
	var p config.Problems
	if c.Before.Std() <= 0 {
		p.Add("before", "must be positive")
	}
	if c.Interval.Std() <= 0 {
		p.Add("interval", "must be positive")
	}
	return p.Err()
}

// renewalTimeout bounds one renewal: the authorities are asked one after the other.
const renewalTimeout = 5 * time.Minute

// renewal is a claimed bundle whose newest time stamp ends soon.
type renewal struct {
	id                         uuid.UUID
	edocNum, principal, sender string
	// stamps it has.
	stamps    int
	attempt   int
	keptUntil time.Time
}

// dueIn is how long a bundle waits for its next time stamp; false where it is kept no longer than the newest one is believed. An
// authority whose certificate ends sooner than that is asked again when half of what is left is over.
func (c RenewalConfig) dueIn(now time.Time, newest bundle.Stamp, keptUntil time.Time) (time.Duration, bool) {
	if !newest.Until.Before(keptUntil) {
		return 0, false
	}
	left := newest.Until.Sub(now)
	return max(left-c.Before.Std(), left/2, 0), true
}

// renew does one claimed renewal. Until it succeeds it is tried again; the bundle can be had all the while.
func (s *service) renew(ctx context.Context, r renewal) {
	err := s.stampAgain(ctx, r)
	if errors.Is(err, work.ErrLost) {
		return
	}
	s.metrics.renewed(ctx, err == nil)
	if err == nil {
		return
	}
	s.log.LogAttrs(ctx, slog.LevelWarn, "a bundle was not stamped again", slog.String("bundle", r.id.String()), slog.Any("error", err))
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	if err := settleRenewalLater(sctx, s.db, r, s.replica, s.config.Worker.Delay(r.attempt)); err != nil && !errors.Is(err, work.ErrLost) {
		s.log.LogAttrs(ctx, slog.LevelError, "renewal not settled", slog.String("bundle", r.id.String()), slog.Any("error", err))
	}
}

func (s *service) stampAgain(ctx context.Context, r renewal) error {
	files, err := s.bundleFiles(ctx, r.id)
	if err != nil {
		return err
	}
	added, stamp, err := bundle.Renew(ctx, files, s.assembler.stamper)
	if err != nil {
		return err
	}
	kept, err := s.sealBundle(ctx, r.id, len(files), added)
	if err != nil {
		return err
	}
	wait, due := s.config.Bundles.Renewal.dueIn(s.clock.Now(), stamp, r.keptUntil)
	sctx, cancel := work.Settling(ctx)
	defer cancel()
	return s.journal.InTx(sctx, func(tx *journal.Tx) error {
		if err := settleRenewal(sctx, tx, r, s.replica, stamp, wait, due); err != nil {
			return err
		}
		for i, f := range added {
			if err := insertBundleFile(sctx, tx, r.id, len(files)+i, f.Name, f.Measure, kept[i]); err != nil {
				return err
			}
		}
		return tx.Record(sctx, renewedFact(r, digestOf(added), stamp, s.clock.Now()))
	})
}

package circulation

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
)

// settle stores and states the results of a batch, in one transaction.
func (s *service) settle(ctx context.Context, b batch, attempts []attempt) error {
	refusals := s.refusals
	if slices.ContainsFunc(attempts, func(a attempt) bool { return a.call.refusals > 0 }) {
		var err error
		if refusals.expiry, err = s.expiry(ctx); err != nil {
			return err
		}
	}
	now := s.clock.Now()
	all := make([]settlement, len(attempts))
	for i, a := range attempts {
		all[i] = settlement{attempt: a, decision: a.decide(refusals)}
		switch {
		case all[i].wait:
			all[i].after = s.backoff.Delay(a.call.attempt-a.call.refusals, rand.Float64()) //nolint:gosec // jitter needs no secrecy
		case all[i].retried && all[i].next != confirming: // which waits when the address has been asked about
			all[i].after = s.backoff.Delay(a.call.refusals+1, rand.Float64()) //nolint:gosec // jitter needs no secrecy
		}
	}
	slices.SortFunc(all, func(a, b settlement) int { return cmp.Compare(a.call.number, b.call.number) })
	var settled []settlement
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		settled = settled[:0]
		ours, err := closeCall(ctx, tx, b, now, all)
		if err != nil {
			return err
		}
		if ours {
			if settled, err = s.settleOurs(ctx, tx, b, now, all); err != nil {
				return err
			}
		}
		return recordSettled(ctx, tx, b, now, all, !ours)
	})
	if err != nil {
		return err
	}
	s.metrics.settled(ctx, b.kind, settled)
	return nil
}

// settleOurs moves the records of a batch whose claim is still ours to their next states, and states that.
func (s *service) settleOurs(ctx context.Context, tx *journal.Tx, b batch, now time.Time, all []settlement) ([]settlement, error) {
	readDue, err := settleRecords(ctx, tx, b, now, all)
	if err != nil {
		return nil, err
	}
	var settled []settlement
	released, missing := false, false
	for _, one := range all {
		due, ours := readDue[one.call.number]
		if !ours {
			continue
		}
		settled = append(settled, one)
		released = released || (due && one.next == done)
		missing = missing || one.next == confirming
	}
	if released {
		tx.OnCommit(s.bells[readTime].Ring)
	}
	if missing {
		tx.OnCommit(s.confirmBell.Ring)
	}
	return settled, state(ctx, tx, b, now, settled)
}

package circulation

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// settle stores and states the results of a batch, in one transaction.
func (s *service) settle(ctx context.Context, b batch, attempts []attempt) error {
	now := s.clock.Now()
	all := make([]settlement, len(attempts))
	for i, a := range attempts {
		all[i] = settlement{attempt: a, decision: a.decide(s.config.Calls.MaxConfirmations)}
		switch {
		case all[i].wait:
			all[i].after = s.backoff.Delay(a.call.attempt, rand.Float64()) //nolint:gosec // jitter needs no secrecy
		case all[i].recheck:
			all[i].after = s.backoff.Delay(a.call.confirmations+1, rand.Float64()) //nolint:gosec // jitter needs no secrecy
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
		return prove(ctx, tx, b, now, all, !ours)
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

// state states registrations, read times and refusals.
func state(ctx context.Context, tx *journal.Tx, b batch, now time.Time, settled []settlement) error {
	var finished, refused []journal.Fact
	for _, one := range settled {
		event := journal.Fact{
			Subject: one.call.number, Sender: one.call.sender, Actor: actor, OccurredAt: now,
			Causation: one.call.cause.String(), Traceparent: one.call.traceparent,
		}
		switch {
		case one.next == queued:
			event.Ordinal = one.call.ordinal()
			event.Message = &circulationv1.CirculationRefused{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, ReadTime: b.kind == readTime,
				Result: one.result, Exchange: one.exchange, RefusedAt: timestamppb.New(now),
			}
			refused = append(refused, event)
		case one.next == done && b.kind == readTime:
			event.Message = &circulationv1.ReadTimeRegistered{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, Result: one.result, Exchange: one.exchange,
				AcknowledgedAt: timestamppb.New(one.endedAt),
			}
			finished = append(finished, event)
		case one.next == done && !one.call.acknowledged:
			event.Message = &circulationv1.CirculationRegistered{
				EdocNum: one.call.number, Sender: one.call.sender, Lane: b.lane, Result: one.result, Exchange: one.exchange,
				AcknowledgedAt: timestamppb.New(one.endedAt), Recipient: one.call.facts.GetRecipient(),
				From: party(one.call.facts.GetFrom()), To: party(one.call.facts.GetTo()),
			}
			finished = append(finished, event)
		}
	}
	if err := tx.State(ctx, b.lane, finished...); err != nil {
		return err
	}
	return tx.State(ctx, b.lane, refused...)
}

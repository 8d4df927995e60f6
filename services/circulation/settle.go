package circulation

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

const (
	actor         = "unit:circulation"
	policyVersion = "circulation/1"
)

// settle writes down what became of a batch and states it, in one transaction.
func (s *service) settle(ctx context.Context, b batch, attempts []attempt) error {
	if len(attempts) == 0 {
		return nil
	}
	now := s.clock.Now()
	all := make([]settlement, len(attempts))
	for i, a := range attempts {
		all[i] = settlement{attempt: a, decision: a.decide(s.config.Calls.MaxConfirmations)}
		if all[i].wait {
			all[i].after = s.backoff.Delay(a.call.attempt, rand.Float64()) //nolint:gosec // jitter needs no secrecy
		}
	}
	var released int64
	var settled []settlement
	err := s.journal.InTx(ctx, func(tx *journal.Tx) error {
		ours, err := settleCalls(ctx, tx, b.kind, s.owner, now, all)
		if err != nil {
			return err
		}
		settled = settled[:0]
		for _, one := range all {
			if ours[one.call.number] {
				settled = append(settled, one)
			}
		}
		if released, err = s.follow(ctx, tx, b.kind, settled); err != nil {
			return err
		}
		if err := state(ctx, tx, b, now, settled); err != nil {
			return err
		}
		return prove(ctx, tx, b.kind, now, all)
	})
	if err != nil {
		return err
	}
	s.metrics.settled(ctx, b.kind, settled)
	if released > 0 {
		s.bells[readTime].ring()
	}
	for _, one := range settled {
		if one.next == confirming {
			s.confirmBell.ring()
			break
		}
	}
	return nil
}

// follow moves the other call of the records: read times wait for registrations, and a read time the hub has no record for has its
// registration checked again.
func (s *service) follow(ctx context.Context, tx *journal.Tx, kind callKind, settled []settlement) (released int64, err error) {
	var registered, missing []string
	wait := time.Duration(0)
	for _, one := range settled {
		switch {
		case kind == registration && one.next == done:
			registered = append(registered, one.call.number)
		case one.recheck:
			missing = append(missing, one.call.number)
			wait = max(wait, s.backoff.Delay(one.call.confirmations+1, rand.Float64())) //nolint:gosec // jitter needs no secrecy
		}
	}
	if len(registered) > 0 {
		if released, err = releaseReadTimes(ctx, tx, registered); err != nil {
			return 0, err
		}
	}
	if len(missing) > 0 {
		err = recheckRegistrations(ctx, tx, missing, wait)
	}
	return released, err
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

// proof is the body of an evidence entry: what was sent, by its digest, and what the hub said.
type proof struct {
	EdocNum  string `json:"edocNum"`
	Call     string `json:"call"`
	Attempt  int    `json:"attempt"`
	Outcome  string `json:"outcome,omitempty"`
	Result   int32  `json:"result,omitempty"`
	Exchange string `json:"exchange,omitempty"`
	Content  string `json:"contentDigest,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Actor    string `json:"actor,omitempty"`
	// Acceptance and ReasonDigest are of an operator's acceptance; the digest is salted with the acceptance's id.
	Acceptance   string    `json:"acceptance,omitempty"`
	ReasonDigest string    `json:"reasonDigest,omitempty"`
	At           time.Time `json:"at"`
}

// prove keeps the evidence of every answer and every refusal, late ones included.
func prove(ctx context.Context, tx *journal.Tx, kind callKind, now time.Time, all []settlement) error {
	var entries []evidence.Entry
	for _, one := range all {
		if one.sending != answered && one.next != queued {
			continue
		}
		at := now
		if one.sending == answered {
			at = one.endedAt
		}
		body, err := json.Marshal(proof{
			EdocNum: one.call.number, Call: kind.String(), Attempt: one.call.attempt, Outcome: string(one.sending), Result: one.result,
			Exchange: one.exchange, Content: hex.EncodeToString(one.digest), Reason: one.reason, At: at,
		})
		if err != nil {
			return fmt.Errorf("encode evidence of %s: %w", one.call.number, err)
		}
		entries = append(entries, entry(one.call.number, one.call.sender, actor, evidenceKind(kind, one.next), at, body))
	}
	return evidence.Append(ctx, tx, entries...)
}

func evidenceKind(kind callKind, next callState) string {
	switch next {
	case done:
		return kind.String() + "_acknowledged"
	case queued:
		return kind.String() + "_refused"
	case waiting, due, confirming:
		return kind.String() + "_put_off"
	default:
		return kind.String() + "_put_off"
	}
}

func entry(number, sender, by, kind string, at time.Time, body []byte) evidence.Entry {
	return evidence.Entry{ID: id.New(), Kind: kind, Subject: number, Tenant: sender, Sender: sender, Actor: by,
		PolicyVersion: policyVersion, OccurredAt: at, Body: body}
}

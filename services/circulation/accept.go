package circulation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/evidence"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/sealed"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// acceptance is an operator's word that what the hub calls already registered is ours.
type acceptance struct {
	id             uuid.UUID
	actor          string
	reason, digest []byte // the reason sealed, the digest salted with the id
	at             time.Time
}

func (s *service) newAcceptance(ctx context.Context, by, reason string) (acceptance, error) {
	a := acceptance{id: id.New(), actor: by, at: s.clock.Now()}
	digest := sha256.Sum256([]byte("naru.circulation.acceptance.v1\x00" + a.id.String() + "\x00" + reason))
	a.digest = digest[:]
	var err error
	if a.reason, err = s.reasons.Seal(ctx, sealed.AcceptanceReason, a.id.String(), []byte(reason)); err != nil {
		return acceptance{}, fmt.Errorf("seal reason: %w", err)
	}
	return a, nil
}

// AcceptQueued settles what is queued as already registered as if the hub's answer had counted at once. Sending it again cannot: the hub
// gives the same answer, and an attempt of ours that left something there will never have been.
func (s *service) AcceptQueued(ctx context.Context, r *circulationv1.AcceptQueuedRequest) (*circulationv1.AcceptQueuedResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	by, err := s.newAcceptance(ctx, caller.ID, r.GetReason())
	if err != nil {
		return nil, err
	}
	var accepted []settlement
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if accepted, err = acceptQueued(ctx, tx, r.GetEdocNum()); err != nil {
			return err
		}
		if len(accepted) == 0 {
			return whyNotAccepted(ctx, tx, r.GetEdocNum())
		}
		for _, one := range accepted {
			if err := s.accept(ctx, tx, one, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	for _, one := range accepted {
		s.metrics.settled(ctx, one.call.kind, []settlement{one})
	}
	return &circulationv1.AcceptQueuedResponse{}, nil
}

// accept keeps who accepted a call, and does what follows when one is done.
func (s *service) accept(ctx context.Context, tx *journal.Tx, one settlement, by acceptance) error {
	if err := insertAcceptance(ctx, tx, one, by); err != nil {
		return err
	}
	released, err := s.follow(ctx, tx, one.call.kind, []settlement{one})
	if err != nil {
		return err
	}
	if released > 0 {
		tx.OnCommit(s.bells[readTime].ring)
	}
	if err := state(ctx, tx, batch{kind: one.call.kind, lane: one.call.lane}, by.at, []settlement{one}); err != nil {
		return err
	}
	body, err := json.Marshal(proof{
		EdocNum: one.call.number, Call: one.call.kind.String(), Attempt: one.call.attempt, Outcome: string(one.sending), Result: one.result,
		Exchange: one.exchange, Content: hex.EncodeToString(one.digest), Actor: by.actor, Acceptance: by.id.String(),
		ReasonDigest: hex.EncodeToString(by.digest), At: by.at,
	})
	if err != nil {
		return fmt.Errorf("encode evidence of %s: %w", one.call.number, err)
	}
	return evidence.Append(ctx, tx, entry(one.call.number, one.call.sender, by.actor, one.call.kind.String()+"_accepted", by.at, body))
}

// whyNotAccepted tells a record that is unknown from one of which nothing, or nothing of that kind, waits.
func whyNotAccepted(ctx context.Context, tx *journal.Tx, number string) error {
	if _, err := recordSender(ctx, tx, number); errors.Is(err, errNoRecord) {
		return recordNotFound()
	} else if err != nil {
		return err
	}
	waits, err := anyQueued(ctx, tx, number)
	if err != nil {
		return err
	}
	if waits {
		return notAlreadyRegistered()
	}
	return notQueued()
}

// acceptQueued makes the calls of a record done that are queued because the hub has them already, each by the attempt that was told so,
// registration first. That attempt counts from now on: the same answer to a later check is no news.
func acceptQueued(ctx context.Context, tx pg.DBTX, number string) ([]settlement, error) {
	const accept = `
		with said as (
		  select c.edoc_num, c.kind, c.acknowledged_at is not null as acknowledged, a.exchange, a.content_digest, a.started_at, a.ended_at
		  from   hub_call c join hub_attempt a on a.edoc_num = c.edoc_num and a.kind = c.kind and a.attempt = c.attempts
		  where  c.edoc_num = $1 and c.state = 'QUEUED' and c.queue_reason = $2 and c.result = $3 and a.result = $3
		  order  by c.kind
		  for    update of c),
		accepted as (
		  update hub_call c
		  set    state           = 'DONE',
		         due_at          = now(),
		         ineffective     = greatest(c.ineffective - 1, 0),
		         acknowledged_at = coalesce(c.acknowledged_at, s.ended_at),
		         queue_reason    = null,
		         queued_at       = null
		  from   said s
		  where  c.edoc_num = s.edoc_num and c.kind = s.kind
		  returning c.edoc_num, c.kind, c.attempts, c.cause, c.traceparent)
		select ` + recordFields + `, c.kind, c.attempts, c.cause, c.traceparent, s.acknowledged, s.exchange, s.content_digest, s.started_at, s.ended_at
		from   accepted c join said s using (edoc_num, kind) join circulation_record r using (edoc_num)
		order  by c.kind`
	rows, err := tx.Query(ctx, accept, number, resultReason(resultAlready), int16(resultAlready))
	if err != nil {
		return nil, fmt.Errorf("accept the calls of %s: %w", number, err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (settlement, error) {
		one := settlement{attempt: attempt{sending: answered, result: resultAlready}, decision: decision{next: done, effective: true}}
		var s scannedRecord
		var trace *string
		err := row.Scan(append(s.targets(), &one.call.kind, &one.call.attempt, &one.call.cause, &trace, &one.call.acknowledged, &one.exchange,
			&one.digest, &one.startedAt, &one.endedAt)...)
		one.call.record, one.call.traceparent = s.record(), or(trace)
		one.startedAt, one.endedAt = one.startedAt.UTC(), one.endedAt.UTC()
		return one, err
	})
	if err != nil {
		return nil, fmt.Errorf("accept the calls of %s: %w", number, err)
	}
	return all, nil
}

func anyQueued(ctx context.Context, tx pg.DBTX, number string) (bool, error) {
	var waits bool
	if err := tx.QueryRow(ctx, `select exists (select from hub_call where edoc_num = $1 and state = 'QUEUED')`, number).Scan(&waits); err != nil {
		return false, fmt.Errorf("look for queued calls of %s: %w", number, err)
	}
	return waits, nil
}

func insertAcceptance(ctx context.Context, tx pg.DBTX, one settlement, by acceptance) error {
	const insert = `
		insert into hub_acceptance (edoc_num, kind, attempt, id, actor, reason, digest, accepted_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`
	_, err := tx.Exec(ctx, insert, one.call.number, int16(one.call.kind), one.call.attempt, by.id, by.actor, by.reason, by.digest, by.at)
	if err != nil {
		return fmt.Errorf("insert acceptance of %s: %w", one.call.number, err)
	}
	return nil
}

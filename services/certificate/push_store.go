package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

const insertPushSQL = `
	insert into certificate_push (push, cert_num, edoc_num, applicant, received_at, due_at, commit_id)
	values ($1, $2, $3, $4, $5, now(), $6)
	    on conflict (push) do nothing`

func insertPush(ctx context.Context, tx *journal.Tx, p pushed) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert push %s", p.id), insertPushSQL, p.id, p.certNum, p.edocNum, p.applicant, p.receivedAt, tx.CommitID())
}

const claimPushesSQL = `
	with due as (
	  select push
	    from certificate_push
	   where outcome is null and due_at <= now() and (lease_until is null or lease_until <= now())
	   order by due_at
	   limit @limit
	     for update skip locked
	)
	update certificate_push p
	   set lease_until = now() + @lease, owner = @owner, attempt = p.attempt + 1
	  from due
	 where p.push = due.push
	returning p.push, p.cert_num, p.edoc_num, p.applicant, p.received_at, p.attempt`

func claimPushes(ctx context.Context, db pg.DBTX, lease work.Lease) ([]pushed, error) {
	return work.Claim(ctx, db, claimPushesSQL, lease, nil, func(row pgx.CollectableRow) (p pushed, err error) {
		err = row.Scan(&p.id, &p.certNum, &p.edocNum, &p.applicant, &p.receivedAt, &p.attempt)
		return p, err
	})
}

// ofApplicant are the accepted requests for a document by whose certified address asked; addresses do not differ by case.
const ofApplicant = `
	  from certificate c
	  join certificate_request r on r.id = c.id
	 where r.edoc_num = @edoc_num and lower(case c.entitlement when 'recipient' then c.recipient_address else c.sender_address end) = lower(@applicant)`

const claimForPushSQL = `
	with open as (
	  select c.id` + ofApplicant + `
	     and c.state = 1 and (c.lease_until is null or c.lease_until <= now())
	   order by c.accepted_at, c.id
	   limit 1
	     for update of c skip locked
	)
	update certificate c
	   set lease_until = now() + @lease, owner = @owner, attempt = c.attempt + 1
	  from open
	  join certificate_request r on r.id = open.id
	 where c.id = open.id
	returning r.id, r.edoc_num, r.principal, r.reason, c.ordinal, c.entitlement, c.sender, c.sender_address, c.recipient_address,
	          c.hash_algorithm, c.document_hash, c.attachments, c.sent_at, c.received_at, c.accepted_at, c.attempt, c.refused_since`

const busySQL = `
	select exists (select` + ofApplicant + `
	     and c.state = 1)`

// claimForPush claims the oldest open request that a push answers. It is busy if there is one that somebody else has claimed.
func claimForPush(ctx context.Context, db pg.DBTX, p pushed, lease work.Lease) (j *job, busy bool, err error) {
	args := pgx.NamedArgs{"edoc_num": p.edocNum, "applicant": p.applicant}
	claimed, err := work.Claim(ctx, db, claimForPushSQL, lease, args, scanJob)
	if err != nil || len(claimed) > 0 {
		if len(claimed) > 0 {
			j = &claimed[0]
		}
		return j, false, err
	}
	busy, err = pg.Value[bool](ctx, db, "look for open requests", busySQL, args)
	return nil, busy, err
}

const withoutRequestSQL = `
	select coalesce((select c.id from certificate c join certificate_attempt a on a.id = c.id and a.attempt = c.attempt
	                  where c.cert_num = @cert_num and a.exchange = @push limit 1), @none::uuid),
	       coalesce((select c.id from certificate c where c.cert_num = @cert_num limit 1), @none::uuid),
	       coalesce((select c.id` + ofApplicant + ` order by c.accepted_at desc limit 1), @none::uuid)`

// withoutRequest says why a push is not for an open request: it ended one, its certificate is there already, or whatever was
// asked has ended.
func withoutRequest(ctx context.Context, db pg.DBTX, p pushed) (outcome string, certificate uuid.UUID, err error) {
	var taken, same, ended uuid.UUID
	if _, err := pg.Scan(ctx, db, "look for what a push is", []any{&taken, &same, &ended}, withoutRequestSQL, pgx.NamedArgs{
		"cert_num": p.certNum, "push": p.id.String(), "edoc_num": p.edocNum, "applicant": p.applicant, "none": uuid.Nil,
	}); err != nil {
		return "", uuid.Nil, err
	}
	switch {
	case taken != uuid.Nil:
		return pushTaken, taken, nil
	case same != uuid.Nil:
		return pushDuplicate, same, nil
	case ended != uuid.Nil:
		return pushLate, ended, nil
	default:
		return pushNoRequest, uuid.Nil, nil
	}
}

const settlePushLaterSQL = `
	update certificate_push
	   set due_at = now() + @wait, lease_until = null, owner = null
	 where push = @push and owner = @owner and attempt = @attempt and outcome is null`

func settlePushLater(ctx context.Context, db pg.DBTX, p pushed, owner string, wait time.Duration) error {
	return work.Settle(ctx, db, settlePushLaterSQL, pgx.NamedArgs{"push": p.id, "owner": owner, "attempt": p.attempt, "wait": wait})
}

const settlePushEndSQL = `
	update certificate_push
	   set due_at = null, lease_until = null, owner = null, outcome = @outcome, certificate = nullif(@certificate, @none::uuid), ended_at = @now, commit_id = @commit
	 where push = @push and owner = @owner and attempt = @attempt and outcome is null`

func settlePushEnd(ctx context.Context, tx *journal.Tx, p pushed, owner, outcome string, certificate uuid.UUID, now time.Time) error {
	return work.Settle(ctx, tx, settlePushEndSQL, pgx.NamedArgs{
		"push": p.id, "owner": owner, "attempt": p.attempt, "outcome": outcome, "certificate": certificate, "none": uuid.Nil, "now": now,
		"commit": tx.CommitID(),
	})
}

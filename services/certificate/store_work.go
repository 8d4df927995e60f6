package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/proof"
	"github.com/naru-relay/naru/pkg/work"
)

// job is a claimed request.
type job struct {
	order
	attempt int
	// refusedSince is when the hub first refused it, zero for not yet.
	refusedSince time.Time
}

const claimSQL = `
	update certificate c
	   set lease_until = now() + @lease, owner = @owner, attempt = c.attempt + 1
	  from (select id
	          from certificate
	         where state = 1 and due_at <= now() and (lease_until is null or lease_until <= now())
	         order by due_at
	         limit @limit
	           for update skip locked) due
	  join certificate_request r on r.id = due.id
	 where c.id = due.id
	returning r.id, r.edoc_num, r.principal, r.reason, c.ordinal, c.entitlement, c.sender, c.sender_address, c.recipient_address,
	          c.hash_algorithm, c.document_hash, c.attachments, c.sent_at, c.received_at, c.accepted_at, c.attempt,
	          c.refused_since`

func claim(ctx context.Context, db pg.DBTX, lease work.Lease) ([]job, error) {
	return work.Claim(ctx, db, claimSQL, lease, nil, scanJob)
}

func scanJob(row pgx.CollectableRow) (job, error) {
	var j job
	var refusedSince *time.Time
	err := row.Scan(&j.id, &j.edocNum, &j.principal, &j.reason, &j.ordinal, &j.entitlement, &j.sender, &j.senderAddress, &j.recipientAddress,
		&j.hashAlgorithm, &j.hash, &j.attachments, &j.sentAt, &j.receivedAt, &j.acceptedAt, &j.attempt, &refusedSince)
	j.refusedSince = pg.OrZero(refusedSince)
	return j, err
}

const settleLaterSQL = `
	update certificate
	   set due_at = now() + @wait, lease_until = null, owner = null, refusal = coalesce(nullif(@refusal, ''), refusal),
	       refused_since = case when @refusal = '' then refused_since else least(coalesce(refused_since, 'infinity'), greatest(now(), @now)) end
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

// settleLater puts a request back, with the hub's reason for refusing it, if there is one.
func settleLater(ctx context.Context, db pg.DBTX, j job, owner, refusal string, now time.Time, wait time.Duration) error {
	return work.Settle(ctx, db, settleLaterSQL, pgx.NamedArgs{"id": j.id, "owner": owner, "attempt": j.attempt, "refusal": refusal, "now": now, "wait": wait})
}

const settleEndSQL = `
	update certificate
	   set state = @state, due_at = null, lease_until = null, owner = null, ended_at = @ended_at, reason = nullif(@reason, ''), refused_since = null, refusal = null,
	       cert_num = nullif(@cert_num, ''), pdf_digest = @pdf_digest, issued_at = @issued_at, valid_until = @valid_until,
	       passed = @passed, not_checkable = @not_checkable, commit_id = @commit
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

// settleEnd ends a request in the outcome's state.
func settleEnd(ctx context.Context, tx *journal.Tx, j job, owner string, o outcome) error {
	return work.Settle(ctx, tx, settleEndSQL, pgx.NamedArgs{
		"id": j.id, "owner": owner, "attempt": j.attempt, "state": int16(o.state()), "ended_at": o.at, "reason": o.reason,
		"cert_num": o.certNum, "pdf_digest": o.digest, "issued_at": pg.OrNull(o.issuedAt), "valid_until": pg.OrNull(o.validUntil),
		"passed": o.checks.with(proof.Passed), "not_checkable": o.checks.with(proof.NotCheckable), "commit": tx.CommitID(),
	})
}

const insertAttemptSQL = `
	insert into certificate_attempt (id, attempt, outcome, late, exchange, cert_num, hub_code, detail, passed, not_checkable, pdf_digest,
	                                 read_at, read_registered, made_at, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

func insertAttempt(ctx context.Context, tx *journal.Tx, j job, o outcome, late bool) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert attempt %d of certificate %s", j.attempt, j.id), insertAttemptSQL, j.id, j.attempt, string(o.kind), late,
		o.exchange, o.certNum, o.hubCode, o.detail, o.checks.with(proof.Passed), o.checks.with(proof.NotCheckable), o.digest, pg.OrNull(o.read.at), o.read.registered, o.at, tx.CommitID())
}

const insertFileSQL = `
	insert into certificate_file (id, attempt, digest, pieces, stored_at)
	values ($1, $2, $3, $4, $5)`

func insertFile(ctx context.Context, db pg.DBTX, id uuid.UUID, attempt int, digest []byte, pieces [][]byte, at time.Time) error {
	return pg.Exec(ctx, db, fmt.Sprintf("insert file of certificate %s", id), insertFileSQL, id, attempt, digest, pieces, at)
}

const oldestWaitingSQL = `
	select coalesce(extract(epoch from now() - min(c.accepted_at)), 0)::double precision
	  from certificate c
	 where c.state = 1`

// oldestWaiting is the age in seconds of the oldest request without a result; 0 where none waits.
func oldestWaiting(ctx context.Context, db pg.DBTX) (float64, error) {
	return pg.Value[float64](ctx, db, "observe waiting certificates", oldestWaitingSQL)
}

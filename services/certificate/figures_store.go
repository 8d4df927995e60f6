package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

// figuresPart is one of the two files that come.
type figuresPart string

const (
	figuresPDF       figuresPart = "pdf"
	figuresStatement figuresPart = "statement"
)

// subject for which the part is sealed, with its attempt.
func (p figuresPart) subject(figuresID uuid.UUID) string {
	return fmt.Sprintf("figures/%s/%s", figuresID, p)
}

const insertFiguresSQL = `
	insert into figures (id, principal, principal_kind, request_id, address, period, requested_at, state, due_at, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7, 1, now(), $8)`

func insertFigures(ctx context.Context, tx *journal.Tx, f figures) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert figures %s", f.id), insertFiguresSQL, f.id, f.principal, f.kind, f.requestID, f.address, f.period,
		f.requestedAt, tx.CommitID())
}

const figuresSQL = `
	select id, principal, principal_kind, request_id, address, period, requested_at, state, attempt, coalesce(refusal, ''), coalesce(reason, ''),
	       refused_since, coalesce(received_of_sent, 0), coalesce(read_of_sent, 0), coalesce(received, 0), coalesce(read, 0), pdf_digest, statement_digest,
	       issued_at
	  from figures`

func scanFigures(row pgx.CollectableRow) (figures, error) {
	var f figures
	var refusedSince, issuedAt *time.Time
	err := row.Scan(&f.id, &f.principal, &f.kind, &f.requestID, &f.address, &f.period, &f.requestedAt, &f.state, &f.attempt, &f.refusal, &f.reason,
		&refusedSince, &f.counts.receivedOfSent, &f.counts.readOfSent, &f.counts.received, &f.counts.read, &f.pdfDigest, &f.statementHash, &issuedAt)
	f.refusedSince, f.issuedAt, f.requestedAt = pg.OrZero(refusedSince), clock.Canonical(pg.OrZero(issuedAt)), clock.Canonical(f.requestedAt)
	return f, err
}

// findFigures finds the caller's own.
func findFigures(ctx context.Context, db pg.DBTX, principal, kind string, id uuid.UUID) (figures, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("find figures %s", id), scanFigures, figuresSQL+`
	 where principal = $1 and principal_kind = $2 and id = $3`, principal, kind, id)
}

func findFiguresRequest(ctx context.Context, db pg.DBTX, principal, kind, requestID string) (figures, bool, error) {
	return pg.Find(ctx, db, "find request for figures", scanFigures, figuresSQL+`
	 where principal = $1 and principal_kind = $2 and request_id = $3`, principal, kind, requestID)
}

// listFigures lists the caller's own, newest first, before an id.
func listFigures(ctx context.Context, db pg.DBTX, principal, kind string, before uuid.UUID, limit int) ([]figures, error) {
	return pg.All(ctx, db, "list figures", scanFigures, figuresSQL+`
	 where principal = $1 and principal_kind = $2 and id < $3
	 order by id desc
	 limit $4`, principal, kind, before, limit)
}

const claimFiguresSQL = `
	with due as (
	  select id
	    from figures
	   where state = 1 and due_at <= now() and (lease_until is null or lease_until <= now())
	   order by due_at
	   limit @limit
	     for update skip locked
	)
	update figures f
	   set lease_until = now() + @lease, owner = @owner, attempt = f.attempt + 1
	  from due
	 where f.id = due.id
	returning f.id, f.principal, f.address, f.period, f.requested_at, f.attempt, f.refused_since`

func claimFigures(ctx context.Context, db pg.DBTX, lease work.Lease) ([]figures, error) {
	return work.Claim(ctx, db, claimFiguresSQL, lease, nil, func(row pgx.CollectableRow) (figures, error) {
		var f figures
		var refusedSince *time.Time
		err := row.Scan(&f.id, &f.principal, &f.address, &f.period, &f.requestedAt, &f.attempt, &refusedSince)
		f.refusedSince = pg.OrZero(refusedSince)
		return f, err
	})
}

const settleFiguresLaterSQL = `
	update figures
	   set due_at = now() + @wait, lease_until = null, owner = null, refusal = coalesce(nullif(@refusal, ''), refusal),
	       refused_since = case when @refusal = '' then refused_since else least(coalesce(refused_since, 'infinity'), greatest(now(), @now)) end
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

func settleFiguresLater(ctx context.Context, db pg.DBTX, f figures, owner, refusal string, now time.Time, wait time.Duration) error {
	return work.Settle(ctx, db, settleFiguresLaterSQL, pgx.NamedArgs{"id": f.id, "owner": owner, "attempt": f.attempt, "refusal": refusal, "now": now, "wait": wait})
}

const settleFiguresEndSQL = `
	update figures
	   set state = @state, due_at = null, lease_until = null, owner = null, ended_at = @ended_at, reason = nullif(@reason, ''), refused_since = null,
	       refusal = null, received_of_sent = @received_of_sent, read_of_sent = @read_of_sent, received = @received, read = @read,
	       pdf_digest = @pdf, statement_digest = @statement, issued_at = @issued_at, commit_id = @commit
	 where id = @id and owner = @owner and attempt = @attempt and state = 1`

func settleFiguresEnd(ctx context.Context, tx *journal.Tx, f figures, owner string, o figuresOutcome) error {
	pdf, statement := o.digests()
	return work.Settle(ctx, tx, settleFiguresEndSQL, pgx.NamedArgs{
		"id": f.id, "owner": owner, "attempt": f.attempt, "state": int16(o.state()), "ended_at": o.at, "reason": o.reason,
		"received_of_sent": o.counts.receivedOfSent, "read_of_sent": o.counts.readOfSent, "received": o.counts.received, "read": o.counts.read,
		"pdf": pdf, "statement": statement, "issued_at": pg.OrNull(o.signedAt), "commit": tx.CommitID(),
	})
}

const insertFiguresFileSQL = `
	insert into figures_file (id, attempt, part, pieces, stored_at)
	values ($1, $2, $3, $4, $5)`

func insertFiguresFile(ctx context.Context, db pg.DBTX, f figures, part figuresPart, pieces [][]byte, at time.Time) error {
	return pg.Exec(ctx, db, fmt.Sprintf("insert file of figures %s", f.id), insertFiguresFileSQL, f.id, f.attempt, string(part), pieces, at)
}

const findFiguresFileSQL = `
	select pieces
	  from figures_file
	 where id = $1 and attempt = $2 and part = $3`

func findFiguresFile(ctx context.Context, db pg.DBTX, id uuid.UUID, attempt int, part figuresPart) ([][]byte, error) {
	return pg.Value[[][]byte](ctx, db, fmt.Sprintf("find file of figures %s", id), findFiguresFileSQL, id, attempt, string(part))
}

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
)

const insertRequestSQL = `
	insert into certificate_request (id, edoc_num, principal, principal_kind, request_id, reason, digest, requested_at,
	                                 authorisation, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, '')::uuid, $10)`

func insertRequest(ctx context.Context, tx *journal.Tx, r request) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert request %s", r.id), insertRequestSQL, r.id, r.edocNum, r.principal, r.kind, r.requestID, r.reason,
		r.digest, r.requestedAt, r.authorisation, tx.CommitID())
}

const findRequestSQL = `
	select id, edoc_num, digest
	  from certificate_request
	 where principal = $1 and principal_kind = $2 and request_id = $3`

// findRequest finds what the caller requested under the same id before, and returns r as that request; false if there is none.
func findRequest(ctx context.Context, db pg.DBTX, r request) (request, bool, error) {
	known, err := pg.Scan(ctx, db, "find request", []any{&r.id, &r.edocNum, &r.digest}, findRequestSQL, r.principal, r.kind, r.requestID)
	return r, known, err
}

const countRequestSQL = `
	insert into certificate_count as c (edoc_num, entitlement, requests)
	values ($1, $2, 1)
	    on conflict (edoc_num, entitlement) do update
	   set requests = c.requests + 1
	returning requests`

// countRequest numbers an accepted request: the sender's numbers are odd and the recipient's even. The number is published when
// the request ends, and must not reveal how often the other party asked.
func countRequest(ctx context.Context, db pg.DBTX, edocNum, entitlement string) (int, error) {
	n, err := pg.Value[int](ctx, db, "count request for "+edocNum, countRequestSQL, edocNum, entitlement)
	if err != nil {
		return 0, err
	}
	if entitlement == entitledSender {
		return 2*n - 1, nil
	}
	return 2 * n, nil
}

const insertCertificateSQL = `
	insert into certificate (id, ordinal, entitlement, sender, sender_address, recipient_address, hash_algorithm, document_hash, attachments,
	                         sent_at, received_at, registered_at, accepted_at, state, due_at, commit_id)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, now(), $14)`

// insertCertificate stores an accepted request, for which the certificate is to be obtained.
func insertCertificate(ctx context.Context, tx *journal.Tx, o order) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert certificate %s", o.id), insertCertificateSQL, o.id, o.ordinal, o.entitlement, o.sender, o.senderAddress,
		o.recipientAddress, o.hashAlgorithm, o.hash, o.attachments, o.sentAt, o.receivedAt, o.registeredAt, o.acceptedAt, tx.CommitID())
}

// refusal is a request that was turned down.
type refusal struct {
	id        uuid.UUID
	request   request
	outcome   string
	refusedAt time.Time
}

const insertRefusalSQL = `
	insert into certificate_refusal (id, request, outcome, refused_at, commit_id)
	values ($1, $2, $3, $4, $5)`

func insertRefusal(ctx context.Context, tx *journal.Tx, r refusal) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert refusal %s", r.id), insertRefusalSQL, r.id, r.request.id, r.outcome, r.refusedAt, tx.CommitID())
}

// view is a certificate as its owner sees it.
type view struct {
	id          uuid.UUID
	edocNum     string
	state       state
	requestedAt time.Time
	certNum     string
	digest      []byte
	issuedAt    time.Time
	validUntil  time.Time
	reason      string
	refusal     string
	attempt     int
	checks      checks
}

const viewSQL = `
	select r.id, r.edoc_num, c.state, r.requested_at, coalesce(c.cert_num, ''), c.pdf_digest, c.issued_at, c.valid_until,
	       coalesce(c.reason, ''), coalesce(c.refusal, ''), c.attempt, c.passed, c.not_checkable
	  from certificate_request r
	  join certificate c on c.id = r.id`

const findViewSQL = viewSQL + `
	 where r.principal = $1 and r.principal_kind = $2 and r.id = $3`

const listViewsSQL = viewSQL + `
	 where r.principal = $1 and r.principal_kind = $2 and r.edoc_num = $3 and r.id < $4
	 order by r.id desc
	 limit $5`

func scanView(row pgx.CollectableRow) (view, error) {
	var v view
	var issuedAt, validUntil *time.Time
	var passed, notCheckable []string
	err := row.Scan(&v.id, &v.edocNum, &v.state, &v.requestedAt, &v.certNum, &v.digest, &issuedAt, &validUntil, &v.reason, &v.refusal, &v.attempt,
		&passed, &notCheckable)
	v.checks = checksOf(passed, notCheckable)
	v.issuedAt, v.validUntil, v.requestedAt = clock.Canonical(pg.OrZero(issuedAt)), clock.Canonical(pg.OrZero(validUntil)), clock.Canonical(v.requestedAt)
	return v, err
}

// findView finds the caller's own; false for none of its own.
func findView(ctx context.Context, db pg.DBTX, principal, kind string, id uuid.UUID) (view, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("find certificate %s", id), scanView, findViewSQL, principal, kind, id)
}

// listViews lists the caller's own for a document, newest first, before an id.
func listViews(ctx context.Context, db pg.DBTX, principal, kind, edocNum string, before uuid.UUID, limit int) ([]view, error) {
	return pg.All(ctx, db, fmt.Sprintf("list certificates of %s", edocNum), scanView, listViewsSQL, principal, kind, edocNum, before, limit)
}

const findFileSQL = `
	select pieces
	  from certificate_file
	 where id = $1 and attempt = $2 and digest = $3`

func findFile(ctx context.Context, db pg.DBTX, id uuid.UUID, attempt int, digest []byte) ([][]byte, error) {
	return pg.Value[[][]byte](ctx, db, fmt.Sprintf("find file of certificate %s", id), findFileSQL, id, attempt, digest)
}

package certificate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

const mergeDocumentsSQL = `
	insert into document as d (edoc_num, sender, recipient, sender_address, sender_platform, recipient_address, recipient_platform,
	                           hash_algorithm, hash, attachments, received_at, registered_at, read_at, read_registered_at, sent_at)
	select u.edoc_num, nullif(u.sender, ''), nullif(u.recipient, ''), nullif(u.sender_address, ''), nullif(u.sender_platform, ''),
	       nullif(u.recipient_address, ''), nullif(u.recipient_platform, ''), nullif(u.hash_algorithm, ''), nullif(u.hash, ''),
	       string_to_array(u.attachments, ','), u.received_at, u.registered_at, u.read_at, u.read_registered_at, u.sent_at
	  from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
	              $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[])
	       as u (edoc_num, sender, recipient, sender_address, sender_platform, recipient_address, recipient_platform,
	             hash_algorithm, hash, attachments, received_at, registered_at, read_at, read_registered_at, sent_at)
	    on conflict (edoc_num) do update
	   set sender             = coalesce(d.sender, excluded.sender),
	       recipient          = coalesce(d.recipient, excluded.recipient),
	       sender_address     = coalesce(d.sender_address, excluded.sender_address),
	       sender_platform    = coalesce(d.sender_platform, excluded.sender_platform),
	       recipient_address  = coalesce(d.recipient_address, excluded.recipient_address),
	       recipient_platform = coalesce(d.recipient_platform, excluded.recipient_platform),
	       hash_algorithm     = coalesce(d.hash_algorithm, excluded.hash_algorithm),
	       hash               = coalesce(d.hash, excluded.hash),
	       attachments        = coalesce(d.attachments, excluded.attachments),
	       sent_at            = least(d.sent_at, excluded.sent_at),
	       received_at        = least(d.received_at, excluded.received_at),
	       registered_at      = least(d.registered_at, excluded.registered_at),
	       read_at            = least(d.read_at, excluded.read_at),
	       read_registered_at = least(d.read_registered_at, excluded.read_registered_at)`

// mergeDocuments fills rows with facts; documents are sorted and each is there once.
func mergeDocuments(ctx context.Context, db pg.DBTX, documents []document) error {
	var text [9][]string
	var times [5][]*time.Time
	var attachments []*string
	for _, d := range documents {
		for i, v := range []string{
			d.edocNum, d.sender, d.recipient, d.senderAddress, d.senderPlatform, d.recipientAddress, d.recipientPlatform, d.hashAlgorithm, d.hash,
		} {
			text[i] = append(text[i], v)
		}
		var joined *string
		if d.attachments != nil {
			one := strings.Join(d.attachments, ",")
			joined = &one
		}
		attachments = append(attachments, joined)
		for i, v := range []time.Time{d.receivedAt, d.registeredAt, d.readAt, d.readRegisteredAt, d.sentAt} {
			times[i] = append(times[i], orNull(v))
		}
	}
	_, err := db.Exec(ctx, mergeDocumentsSQL, text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7], text[8],
		attachments, times[0], times[1], times[2], times[3], times[4])
	if err != nil {
		return fmt.Errorf("merge %d documents: %w", len(documents), err)
	}
	return nil
}

const findDocumentSQL = `
	select edoc_num, coalesce(sender, ''), coalesce(recipient, ''), coalesce(sender_address, ''), coalesce(recipient_address, ''),
	       coalesce(hash_algorithm, ''), coalesce(hash, ''), attachments, sent_at, received_at, registered_at, read_at, read_registered_at
	  from document
	 where edoc_num = $1`

// lockDocumentSQL makes the requests for one document wait for each other, so that each gets a number of its own.
const lockDocumentSQL = findDocumentSQL + `
	   for update`

// findDocument gives the zero document for an unknown number.
func findDocument(ctx context.Context, db pg.DBTX, sql, edocNum string) (document, error) {
	var d document
	var times [5]*time.Time
	err := db.QueryRow(ctx, sql, edocNum).Scan(&d.edocNum, &d.sender, &d.recipient, &d.senderAddress, &d.recipientAddress,
		&d.hashAlgorithm, &d.hash, &d.attachments, &times[0], &times[1], &times[2], &times[3], &times[4])
	if errors.Is(err, pgx.ErrNoRows) {
		return document{}, nil
	}
	if err != nil {
		return document{}, fmt.Errorf("find document %s: %w", edocNum, err)
	}
	for i, target := range []*time.Time{&d.sentAt, &d.receivedAt, &d.registeredAt, &d.readAt, &d.readRegisteredAt} {
		*target = orZero(times[i])
	}
	return d, nil
}

// insertRequestSQL numbers the sender's requests oddly and the recipient's evenly: a number is told with the end of a request, and must not
// tell how often the other party asked. Numbers from before that rule are stepped over.
const insertRequestSQL = `
	insert into certificate_request (id, edoc_num, ordinal, principal, entitlement, request_id, sender, address, reason, digest, requested_at)
	select $1::uuid, $2::text, taken.last + case when taken.last % 2 = $11::integer then 2 else 1 end, $3::text, $4::text, $5::text, $6::text,
	       $7::text, $8::bytea, $9::bytea, $10::timestamptz
	  from (select coalesce(max(ordinal) filter (where entitlement = $4 or ordinal % 2 <> case entitlement when 'sender' then 1 else 0 end), 0) as last
	          from certificate_request
	         where edoc_num = $2) taken
	returning ordinal`

const insertCertificateSQL = `
	insert into certificate (id, state, due_at)
	values ($1, 1, now())`

// insertRequest stores a request and the certificate to be obtained for it; the document's row must be locked.
func insertRequest(ctx context.Context, db pg.DBTX, r request) (ordinal int, _ error) {
	odd := 0
	if r.entitlement == entitledSender {
		odd = 1
	}
	err := db.QueryRow(ctx, insertRequestSQL, r.id, r.edocNum, r.principal, r.entitlement, r.requestID, r.sender, r.address,
		r.reason, r.digest, r.requestedAt, odd).Scan(&ordinal)
	if err != nil {
		return 0, fmt.Errorf("insert request %s: %w", r.id, err)
	}
	if _, err := db.Exec(ctx, insertCertificateSQL, r.id); err != nil {
		return 0, fmt.Errorf("insert certificate %s: %w", r.id, err)
	}
	return ordinal, nil
}

const findOwnRequestSQL = `
	select id, digest
	  from certificate_request
	 where principal = $1 and request_id = $2`

// findOwnRequest finds what the caller asked under that id before; uuid.Nil for nothing.
func findOwnRequest(ctx context.Context, db pg.DBTX, principal, requestID string) (id uuid.UUID, digest []byte, _ error) {
	err := db.QueryRow(ctx, findOwnRequestSQL, principal, requestID).Scan(&id, &digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil, nil
	}
	if err != nil {
		return uuid.Nil, nil, fmt.Errorf("find request: %w", err)
	}
	return id, digest, nil
}

// refusal is a request that was turned down.
type refusal struct {
	id              uuid.UUID
	edocNum         string
	principal, kind string
	requestID       string
	outcome         string
	reason, digest  []byte
	refusedAt       time.Time
}

const insertRefusalSQL = `
	insert into certificate_refusal (id, edoc_num, principal, principal_kind, request_id, outcome, reason, digest, refused_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

func insertRefusal(ctx context.Context, db pg.DBTX, r refusal) error {
	_, err := db.Exec(ctx, insertRefusalSQL, r.id, r.edocNum, r.principal, r.kind, r.requestID, r.outcome, r.reason, r.digest, r.refusedAt)
	if err != nil {
		return fmt.Errorf("insert refusal %s: %w", r.id, err)
	}
	return nil
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
	attempt     int
	checks      checks
}

const viewSQL = `
	select r.id, r.edoc_num, c.state, r.requested_at, coalesce(c.cert_num, ''), c.pdf_digest, c.issued_at, c.valid_until,
	       coalesce(c.reason, ''), c.attempt, c.signature, c.chain, c.identity, c.validity, c.hash, c.edoc_num,
	       c.same_cert_num, c.same_parties, c.same_attachments, c.same_sent_at, c.same_received_at, c.same_read_at
	  from certificate_request r
	  join certificate c on c.id = r.id`

const findViewSQL = viewSQL + `
	 where r.principal = $1 and r.id = $2`

const listViewsSQL = viewSQL + `
	 where r.principal = $1 and r.edoc_num = $2 and r.id < $3
	 order by r.id desc
	 limit $4`

func scanView(row pgx.CollectableRow) (view, error) {
	var v view
	var issuedAt, validUntil *time.Time
	err := row.Scan(&v.id, &v.edocNum, &v.state, &v.requestedAt, &v.certNum, &v.digest, &issuedAt, &validUntil, &v.reason, &v.attempt,
		&v.checks.signature, &v.checks.chain, &v.checks.identity, &v.checks.validity, &v.checks.hash, &v.checks.edocNum,
		&v.checks.certNum, &v.checks.parties, &v.checks.attachments, &v.checks.sentAt, &v.checks.receivedAt, &v.checks.readAt)
	v.issuedAt, v.validUntil, v.requestedAt = orZero(issuedAt), orZero(validUntil), clock.Canonical(v.requestedAt)
	return v, err
}

// findView finds the caller's own; false for none of its own.
func findView(ctx context.Context, db pg.DBTX, principal string, id uuid.UUID) (view, bool, error) {
	rows, err := db.Query(ctx, findViewSQL, principal, id)
	if err != nil {
		return view{}, false, fmt.Errorf("find certificate %s: %w", id, err)
	}
	v, err := pgx.CollectExactlyOneRow(rows, scanView)
	if errors.Is(err, pgx.ErrNoRows) {
		return view{}, false, nil
	}
	if err != nil {
		return view{}, false, fmt.Errorf("find certificate %s: %w", id, err)
	}
	return v, true, nil
}

// listViews lists the caller's own for a document, newest first, before an id.
func listViews(ctx context.Context, db pg.DBTX, principal, edocNum string, before uuid.UUID, limit int) ([]view, error) {
	rows, err := db.Query(ctx, listViewsSQL, principal, edocNum, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list certificates of %s: %w", edocNum, err)
	}
	views, err := pgx.CollectRows(rows, scanView)
	if err != nil {
		return nil, fmt.Errorf("list certificates of %s: %w", edocNum, err)
	}
	return views, nil
}

const findFileSQL = `
	select pieces
	  from certificate_file
	 where id = $1 and attempt = $2 and digest = $3`

func findFile(ctx context.Context, db pg.DBTX, id uuid.UUID, attempt int, digest []byte) ([][]byte, error) {
	var pieces [][]byte
	if err := db.QueryRow(ctx, findFileSQL, id, attempt, digest).Scan(&pieces); err != nil {
		return nil, fmt.Errorf("find file of certificate %s: %w", id, err)
	}
	return pieces, nil
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return clock.Canonical(*t)
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

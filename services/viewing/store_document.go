package viewing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// insertDocument keeps a document, and tells whether it is known as cancelled. One that is here already stays as it is: its facts never change.
func insertDocument(ctx context.Context, db pg.DBTX, d document) (cancelled bool, err error) {
	const insert = `
		with kept as (
		insert into document (edoc_num, sender, lane, recipient, to_address, document_type, document_hash, attachment_hashes,
		                      registered_hash, certificate_digest, viewing_system, viewing_url, viewing_deadline, sent_at,
		                      received_at, sealed_identifier, received_commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		on conflict (edoc_num) do nothing)
		select exists (select from cancellation where edoc_num = $1)`
	err = db.QueryRow(ctx, insert, d.number.String(), d.sender, int16(d.lane), d.recipient, d.address, int16(d.documentType), digestText(d.hash),
		digestsText(d.attachments), digestText(d.registered), d.certificateDigest, d.system, d.url, d.deadline, d.sentAt, d.receivedAt, d.sealedIdentifier,
		d.receivedCommit).Scan(&cancelled)
	if err != nil {
		return false, fmt.Errorf("insert document %s: %w", d.number, err)
	}
	return cancelled, nil
}

// readDocument reads a document; false where it is not here.
func readDocument(ctx context.Context, db pg.DBTX, number id.EdocNumber) (document, bool, error) {
	const read = `
		select d.sender, d.lane, d.recipient, d.to_address, d.document_type, d.document_hash, d.attachment_hashes, d.registered_hash,
		       d.certificate_digest, d.viewing_system, d.viewing_url, d.viewing_deadline, d.sent_at, d.received_at,
		       d.sealed_identifier, c.edoc_num is not null
		from   document d
		left   join cancellation c on c.edoc_num = d.edoc_num
		where  d.edoc_num = $1`
	d := document{number: number}
	var lane, documentType int16
	var hash, attachments, registered string
	err := db.QueryRow(ctx, read, number.String()).Scan(&d.sender, &lane, &d.recipient, &d.address, &documentType, &hash, &attachments, &registered,
		&d.certificateDigest, &d.system, &d.url, &d.deadline, &d.sentAt, &d.receivedAt, &d.sealedIdentifier, &d.cancelled)
	if errors.Is(err, pgx.ErrNoRows) {
		return document{}, false, nil
	}
	if err != nil {
		return document{}, false, fmt.Errorf("read document %s: %w", number, err)
	}
	d.lane, d.documentType = platformv1.Lane(lane), platformv1.DocumentType(documentType)
	d.hash, d.attachments, d.registered = digestOfText(hash), digestsOfText(attachments), digestOfText(registered)
	d.deadline, d.sentAt, d.receivedAt = clock.Canonical(d.deadline), clock.Canonical(d.sentAt), clock.Canonical(d.receivedAt)
	return d, true, nil
}

// insertCancellations remembers cancelled numbers.
func insertCancellations(ctx context.Context, db pg.DBTX, numbers []string, at []time.Time, frames []uuid.UUID) error {
	const insert = `
		insert into cancellation (edoc_num, cancelled_at, frame_id)
		select * from unnest($1::text[], $2::timestamptz[], $3::uuid[])
		on conflict (edoc_num) do nothing`
	if len(numbers) == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, insert, numbers, at, frames); err != nil {
		return fmt.Errorf("insert %d cancellations: %w", len(numbers), err)
	}
	return nil
}

// systemRow is a version of a viewing system.
type systemRow struct {
	id        string
	suspended bool
	senders   []string
	version   int64
	frame     uuid.UUID
}

// upsertSystem keeps a viewing system if it is newer than what is kept.
func upsertSystem(ctx context.Context, db pg.DBTX, r systemRow) error {
	const upsert = `
		insert into viewing_system as v (id, suspended, senders, version, frame_id)
		values ($1, $2, $3, $4, $5)
		on conflict (id) do update
		set    suspended = excluded.suspended, senders = excluded.senders, version = excluded.version, frame_id = excluded.frame_id
		where  v.version < excluded.version`
	if _, err := db.Exec(ctx, upsert, r.id, r.suspended, r.senders, r.version, r.frame); err != nil {
		return fmt.Errorf("keep viewing system %s: %w", r.id, err)
	}
	return nil
}

// serves tells whether a viewing system may act for a sender; known is false while the gateway's word about it has not come.
func serves(ctx context.Context, db pg.DBTX, system, sender string) (may, known bool, err error) {
	const read = `select not suspended and $2 = any(senders) from viewing_system where id = $1`
	err = db.QueryRow(ctx, read, system, sender).Scan(&may)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil
	}
	if err != nil {
		return false, false, fmt.Errorf("read viewing system: %w", err)
	}
	return may, true, nil
}

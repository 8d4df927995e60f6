package viewing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// insertDocuments keeps documents. A document that is already here is not changed: its facts never change.
func insertDocuments(tx *journal.Tx, documents []document) {
	const insert = `
		insert into document (edoc_num, sender, lane, recipient, to_address, document_type, document_hash, attachment_hashes,
		                      registered_hash, certificate_digest, viewing_system, viewing_url, viewing_deadline, sent_at,
		                      received_at, sealed_identifier, received_commit_id, viewing_mode, contents)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		on conflict (edoc_num) do nothing`
	for _, d := range documents {
		tx.Later("insert document "+d.number.String(), insert, d.number.String(), d.sender, int16(d.lane), d.recipient, d.address, int16(d.documentType), digestText(d.hash),
			digestsText(d.attachments), digestText(d.registered), d.certificateDigest, d.outsideSystem(), d.url, d.deadline, d.sentAt, d.receivedAt,
			d.sealedIdentifier, d.receivedCommit, int16(d.mode), append([]string{}, d.contents...))
	}
}

// outsideSystem is the viewing system that the document names; empty where this relay shows it.
func (d document) outsideSystem() string {
	if d.system == ownSystem {
		return ""
	}
	return d.system
}

// isCancelled reports whether a number was cancelled; the document itself may be unknown here.
func isCancelled(ctx context.Context, db pg.DBTX, number id.EdocNumber) (bool, error) {
	return pg.Value[bool](ctx, db, "look for a cancellation", `select exists (select from cancellation where edoc_num = $1)`, number.String())
}

// standing says how a viewing system relates to a document; known is false while the gateway has not stated the system. This
// relay's own viewing serves every sender.
type standing struct{ known, serves bool }

// readDocument reads a document, and the standing of a viewing system; false where the document is not here.
func readDocument(ctx context.Context, db pg.DBTX, number id.EdocNumber, system string) (d document, of standing, found bool, err error) {
	const read = `
		select d.sender, d.lane, d.recipient, d.to_address, d.document_type, d.document_hash, d.attachment_hashes, d.registered_hash,
		       d.certificate_digest, d.viewing_system, d.viewing_url, d.viewing_deadline, d.sent_at, d.received_at,
		       d.sealed_identifier, d.viewing_mode, d.contents, c.edoc_num is not null, v.id is not null,
		       coalesce(not v.suspended and d.sender = any(v.senders), false)
		from   document d
		left   join cancellation c on c.edoc_num = d.edoc_num
		left   join viewing_system v on v.id = $2
		where  d.edoc_num = $1`
	var lane, documentType, mode int16
	var hash, attachments, registered string
	found, err = pg.Scan(ctx, db, "read document "+number.String(), []any{&d.sender, &lane, &d.recipient, &d.address, &documentType, &hash, &attachments,
		&registered, &d.certificateDigest, &d.system, &d.url, &d.deadline, &d.sentAt, &d.receivedAt, &d.sealedIdentifier, &mode, &d.contents,
		&d.cancelled, &of.known, &of.serves}, read, number.String(), system)
	if err != nil || !found {
		return document{}, standing{}, false, err
	}
	d.number, d.lane, d.documentType, d.mode = number, platformv1.Lane(lane), platformv1.DocumentType(documentType), platformv1.ViewingMode(mode)
	if d.mode == platformv1.ViewingMode_VIEWING_MODE_RELAY {
		d.system = ownSystem
	}
	if system == ownSystem {
		of = standing{known: true, serves: true}
	}
	d.hash, d.attachments, d.registered = digestOfText(hash), digestsOfText(attachments), digestOfText(registered)
	d.deadline, d.sentAt, d.receivedAt = clock.Canonical(d.deadline), clock.Canonical(d.sentAt), clock.Canonical(d.receivedAt)
	return d, of, true, nil
}

// readVerification finds the time of a viewing system's own verification of a document, and the person who asked for the token
// for an organisation.
func readVerification(ctx context.Context, db pg.DBTX, number id.EdocNumber, verificationID uuid.UUID, system string) (at time.Time, actedBy string, found bool, err error) {
	const read = `
		select used_at, acted_by
		from   viewing_token
		where  edoc_num = $1 and verification_id = $2 and viewing_system = $3`
	found, err = pg.Scan(ctx, db, "read verification of "+number.String(), []any{&at, &actedBy}, read, number.String(), verificationID, system)
	return clock.Canonical(at), actedBy, found, err
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
	return pg.Exec(ctx, db, fmt.Sprintf("insert %d cancellations", len(numbers)), insert, numbers, at, frames)
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
	return pg.Exec(ctx, db, "keep viewing system "+r.id, upsert, r.id, r.suspended, r.senders, r.version, r.frame)
}

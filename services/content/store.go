package content

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

const uploadColumns = `id, principal, state, media_type, size, hash, received, hash_state, sealed_key, sealed_name, findings, created_at, kept_until, named_at,
	dismissed_at`

func scanUpload(row pgx.CollectableRow) (upload, error) {
	var u upload
	var findings []byte
	err := row.Scan(&u.id, &u.principal, &u.state, &u.mediaType, &u.size, &u.hash, &u.received, &u.hashState, &u.sealedKey, &u.sealedName, &findings,
		&u.createdAt, &u.keptUntil, &u.namedAt, &u.dismissed)
	if err == nil {
		err = json.Unmarshal(findings, &u.findings)
	}
	return u, err
}

// countOpen counts the uploads of a principal that wait for a document. Others that begin one meanwhile wait for this
// transaction.
func countOpen(ctx context.Context, tx *journal.Tx, principal string, now time.Time) (int64, error) {
	if err := pg.LockTx(ctx, tx.Tx, "content/uploads of "+principal); err != nil {
		return 0, err
	}
	const count = `
		select count(*) from upload
		where  principal = $1 and named_at is null and state in ('RECEIVING', 'CHECKING', 'READY') and kept_until > $2 and dismissed_at is null`
	return pg.Value[int64](ctx, tx, "count open uploads", count, principal, now)
}

func insertUpload(ctx context.Context, tx *journal.Tx, u upload) error {
	const insert = `
		insert into upload (id, principal, state, media_type, size, hash, sealed_key, sealed_name, created_at, kept_until)
		values ($1, $2, 'RECEIVING', $3, $4, $5, $6, $7, $8, $9)`
	return pg.Exec(ctx, tx, "insert upload", insert, u.id, u.principal, u.mediaType, u.size, u.hash, u.sealedKey, u.sealedName, u.createdAt, u.keptUntil)
}

func readUpload(ctx context.Context, db pg.DBTX, id uuid.UUID) (upload, bool, error) {
	return pg.Find(ctx, db, "read upload", scanUpload, `select `+uploadColumns+` from upload where id = $1`, id)
}

// readOwn reads an upload of a principal, and locks it where the caller is a transaction that changes it.
func readOwn(ctx context.Context, db pg.DBTX, id uuid.UUID, principal, lock string) (upload, error) {
	u, known, err := pg.Find(ctx, db, "read upload", scanUpload, `select `+uploadColumns+` from upload where id = $1 and principal = $2 `+lock, id, principal)
	if err == nil && !known {
		err = uploadNotFound()
	}
	return u, err
}

func readUploads(ctx context.Context, db pg.DBTX, ids []uuid.UUID) ([]upload, error) {
	return pg.All(ctx, db, fmt.Sprintf("read %d uploads", len(ids)), scanUpload, `select `+uploadColumns+` from upload where id = any($1)`, ids)
}

// settleReady ends a check in which nothing was found, if the lease is still the caller's.
func settleReady(ctx context.Context, tx *journal.Tx, id, owner uuid.UUID, now time.Time) (bool, error) {
	const settle = `
		update upload
		set    state = 'READY', received_at = $3, hash_state = null, lease_owner = null, lease_until = null, commit_id = $4
		where  id = $1 and lease_owner = $2 and state = 'CHECKING'`
	return pg.Changed(ctx, tx, "keep a file", settle, id, owner, now, tx.CommitID())
}

// settleRefused ends a check in which something was found. The key goes, so nobody can read the bytes any more.
func settleRefused(ctx context.Context, tx *journal.Tx, id, owner uuid.UUID, findings []finding, now time.Time) (bool, error) {
	raw, err := encodeFindings(findings)
	if err != nil {
		return false, err
	}
	const settle = `
		update upload
		set    state = 'REFUSED', refused_at = $3, findings = $5, hash_state = null, sealed_key = null, sealed_name = null, lease_owner = null, lease_until = null,
		       commit_id = $4
		where  id = $1 and lease_owner = $2 and state = 'CHECKING'`
	changed, err := pg.Changed(ctx, tx, "refuse a file", settle, id, owner, now, tx.CommitID(), raw)
	if err != nil || !changed {
		return false, err
	}
	return true, leaveParts(ctx, tx, []uuid.UUID{id})
}

// deletion is an upload that is deleted.
type deletion struct {
	id    uuid.UUID
	why   string
	actor string
}

// deleteUploads destroys the keys of uploads, whose rows the caller has locked.
func deleteUploads(ctx context.Context, tx *journal.Tx, gone []deletion, now time.Time) error {
	const destroy = `
		update upload u
		set    state = 'DELETED', deleted_at = $3, why = g.why, hash_state = null, sealed_key = null, sealed_name = null, lease_owner = null, lease_until = null,
		       commit_id = $4
		from   unnest($1::uuid[], $2::text[]) g(id, why)
		where  u.id = g.id`
	ids := pg.Column(gone, func(d deletion) uuid.UUID { return d.id })
	if err := pg.Exec(ctx, tx, fmt.Sprintf("delete %d uploads", len(gone)), destroy, ids, pg.Column(gone, func(d deletion) string { return d.why }),
		now, tx.CommitID()); err != nil {
		return err
	}
	return leaveParts(ctx, tx, ids)
}

// dismiss notes that the owner wants an upload deleted.
func dismiss(ctx context.Context, tx *journal.Tx, id uuid.UUID, by string, now time.Time) error {
	const note = `update upload set dismissed_at = $2, dismissed_by = $3, kept_until = $2 where id = $1`
	return pg.Exec(ctx, tx, "note that an upload is to be deleted", note, id, now, by)
}

// heldOrNamed reports whether an upload may not be deleted on its owner's word.
func heldOrNamed(ctx context.Context, tx *journal.Tx, id uuid.UUID) (bool, error) {
	const read = `
		select exists (select from content_use where upload = $1) or exists (select from hold_in_force where subject = $1::text)`
	return pg.Value[bool](ctx, tx, "look for uses", read, id)
}

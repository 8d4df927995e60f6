package content

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// use says that a document names an upload.
type use struct {
	edocNum string
	upload  uuid.UUID
	until   time.Time
	frame   uuid.UUID
}

// end says that a document ended without a receipt.
type end struct {
	edocNum string
	at      time.Time
	frame   uuid.UUID
}

// lockUploads locks uploads in the order of their ids, so that everybody locks several in one order, and tells which still have
// their bytes.
func lockUploads(ctx context.Context, tx *journal.Tx, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	const lock = `
		with locked as (select id, state from upload where id = any($1) order by id for update)
		select id from locked where state = 'READY'`
	return pg.Set[uuid.UUID](ctx, tx, fmt.Sprintf("lock %d uploads", len(ids)), lock, ids)
}

// insertUses keeps which documents name which uploads. The end of a document may be here before its acceptance.
func insertUses(ctx context.Context, tx *journal.Tx, uses []use, grace time.Duration) error {
	const insert = `
		insert into content_use (edoc_num, upload, needed_until, frame_id)
		select u.edoc_num, u.upload, least(u.needed_until, e.ended_at + $5::interval), u.frame_id
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $4::uuid[]) u(edoc_num, upload, needed_until, frame_id)
		       left join document_end e on e.edoc_num = u.edoc_num
		order  by u.edoc_num collate "C", u.upload
		on conflict do nothing`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep %d uses", len(uses)), insert,
		pg.Column(uses, func(u use) string { return u.edocNum }), pg.Column(uses, func(u use) uuid.UUID { return u.upload }),
		pg.Column(uses, func(u use) time.Time { return u.until }), pg.Column(uses, func(u use) uuid.UUID { return u.frame }), grace)
}

// insertEnds keeps that documents ended.
func insertEnds(ctx context.Context, tx *journal.Tx, ends []end) error {
	const insert = `
		insert into document_end (edoc_num, ended_at, frame_id)
		select edoc_num, ended_at, frame_id from unnest($1::text[], $2::timestamptz[], $3::uuid[]) u(edoc_num, ended_at, frame_id)
		order  by edoc_num collate "C"
		on conflict do nothing`
	return pg.Exec(ctx, tx, fmt.Sprintf("keep %d ends", len(ends)), insert,
		pg.Column(ends, func(e end) string { return e.edocNum }), pg.Column(ends, func(e end) time.Time { return e.at }),
		pg.Column(ends, func(e end) uuid.UUID { return e.frame }))
}

// usedBy lists the uploads that documents name.
func usedBy(ctx context.Context, tx *journal.Tx, numbers []string) ([]uuid.UUID, error) {
	const list = `select distinct upload from content_use where edoc_num = any($1) order by upload`
	return pg.All(ctx, tx, "list the files of documents", pgx.RowTo[uuid.UUID], list, numbers)
}

// shortenUses ends the uses of documents after a grace, but not before a moment.
func shortenUses(ctx context.Context, tx *journal.Tx, numbers []string, grace time.Duration, notBefore time.Time) error {
	const shorten = `
		update content_use c
		set    needed_until = least(c.needed_until, greatest(e.ended_at + $2::interval, $3))
		from   document_end e
		where  e.edoc_num = any($1) and c.edoc_num = e.edoc_num`
	return pg.Exec(ctx, tx, "end the uses of files", shorten, numbers, grace, notBefore)
}

// prolongUses keeps uploads that a document names for longer, and tells which it names.
func prolongUses(ctx context.Context, tx *journal.Tx, number string, ids []uuid.UUID, until time.Time) ([]uuid.UUID, error) {
	const prolong = `
		update content_use set needed_until = greatest(needed_until, $3)
		where  edoc_num = $1 and upload = any($2)
		returning upload`
	return pg.All(ctx, tx, "keep the files of "+number, pgx.RowTo[uuid.UUID], prolong, number, ids, until)
}

// reckon sets until when uploads are kept, from the documents that name them. What one names is not deleted on its owner's word
// any more.
func reckon(ctx context.Context, tx *journal.Tx, ids []uuid.UUID, now time.Time) error {
	const set = `
		update upload u
		set    kept_until = n.until, named_at = coalesce(u.named_at, $2), dismissed_at = null, dismissed_by = null
		from   (select upload, max(needed_until) as until from content_use where upload = any($1) group by upload) n
		where  u.id = n.upload and u.state in ('RECEIVING', 'CHECKING', 'READY')`
	return pg.Exec(ctx, tx, "reckon until when uploads are kept", set, ids, now)
}

// candidate is an upload whose time is over.
type candidate struct {
	id           uuid.UUID
	state        State
	keptUntil    time.Time
	named        bool
	dismissedBy  *string
	held, leased bool
}

// anyDue reports whether the time of an upload is over.
func anyDue(ctx context.Context, db pg.DBTX, until time.Time) (bool, error) {
	const look = `select exists (select from upload where state in ('RECEIVING', 'READY') and kept_until <= $1)`
	return pg.Value[bool](ctx, db, "look for uploads whose time is over", look, until)
}

// lockDue locks uploads that are kept no longer than until, and tells what may speak against their deletion.
func lockDue(ctx context.Context, tx *journal.Tx, until time.Time, limit int) ([]candidate, error) {
	const lock = `
		select id, state, kept_until, named_at is not null, dismissed_by,
		       exists (select from hold_in_force h where h.subject = u.id::text
		               or h.subject in (select edoc_num from content_use c where c.upload = u.id)),
		       coalesce(lease_until > now(), false)
		from   upload u
		where  state in ('RECEIVING', 'READY') and kept_until <= $1
		order  by kept_until, id
		limit  $2
		for update of u skip locked`
	return pg.All(ctx, tx, "lock uploads whose time is over", func(row pgx.CollectableRow) (candidate, error) {
		var c candidate
		err := row.Scan(&c.id, &c.state, &c.keptUntil, &c.named, &c.dismissedBy, &c.held, &c.leased)
		return c, err
	}, lock, until, limit)
}

// keepLonger puts the question off, for uploads that are still held or on their way.
func keepLonger(ctx context.Context, tx *journal.Tx, ids []uuid.UUID, until time.Time) error {
	return pg.Exec(ctx, tx, "keep uploads longer", `update upload set kept_until = $2 where id = any($1)`, ids, until)
}

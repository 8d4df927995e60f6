package content

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

// leaseFor is how long an upload stays a process's that says nothing more; it says so three times as often.
const leaseFor = time.Minute

// takeLease gives an upload that may grow to one stream; false if another has it, or it may grow no more.
func takeLease(ctx context.Context, db pg.DBTX, id, owner uuid.UUID, principal string, now time.Time) (upload, bool, error) {
	const take = `
		update upload
		set    lease_owner = $2, lease_until = now() + $3::interval
		where  id = $1 and principal = $4 and state in ('RECEIVING', 'CHECKING') and kept_until > $5 and (lease_until is null or lease_until <= now())
		returning ` + uploadColumns
	return pg.Find(ctx, db, "take an upload", scanUpload, take, id, owner, leaseFor, principal, now)
}

// renewLease keeps the lease; work.ErrLost if it was lost. One that ran out is lost even if nobody took it: what its owner left
// unfinished may be swept.
func renewLease(ctx context.Context, db pg.DBTX, l lease) error {
	const renew = `update upload set lease_until = now() + $3::interval where id = $1 and lease_owner = $2 and lease_until > now()`
	ours, err := pg.Changed(ctx, db, "keep an upload", renew, l.upload, l.owner, leaseFor)
	if err == nil && !ours {
		err = work.ErrLost
	}
	return err
}

// giveLease lets the next one have the upload at once.
func giveLease(ctx context.Context, db pg.DBTX, id, owner uuid.UUID) error {
	const give = `update upload set lease_owner = null, lease_until = null where id = $1 and lease_owner = $2`
	return pg.Exec(ctx, db, "give an upload back", give, id, owner)
}

// claimChecks claims uploads whose check ended with the process that made it. The claimed row's lease is of the owner, as in
// takeLease.
func claimChecks(ctx context.Context, db pg.DBTX, owner uuid.UUID, limit int) ([]uuid.UUID, error) {
	const claim = `
		with due as (
		  select id from upload
		  where  state = 'CHECKING' and (lease_until is null or lease_until <= now())
		  order  by id
		  limit  @limit
		  for update skip locked)
		update upload u
		set    lease_owner = @owner::uuid, lease_until = now() + @lease::interval
		from   due
		where  u.id = due.id
		returning u.id`
	return work.Claim(ctx, db, claim, work.Lease{Owner: owner.String(), For: leaseFor, Limit: limit}, nil, pgx.RowTo[uuid.UUID])
}

// beginPart notes an object before it is made.
func beginPart(ctx context.Context, db pg.DBTX, id, owner uuid.UUID, p part) error {
	const insert = `insert into upload_part (object, upload, number, position, owner) values ($1, $2, $3, $4, $5)`
	return pg.Exec(ctx, db, "begin a part", insert, p.object, id, p.number, p.position, owner)
}

// keepPart counts a part that is whole and durable, if the upload is still its writer's and stands where the part begins.
func keepPart(ctx context.Context, db pg.DBTX, id, owner uuid.UUID, p part, hashState []byte) (bool, error) {
	const keep = `
		with kept as (
		  update upload
		  set    received = $4::bigint + $5, hash_state = $6, lease_until = now() + $7::interval
		  where  id = $1 and lease_owner = $2 and lease_until > now() and state = 'RECEIVING' and received = $4
		  returning id)
		update upload_part p
		set    size = $5
		from   kept
		where  p.object = $3 and p.upload = kept.id`
	return pg.Changed(ctx, db, "keep a part", keep, id, owner, p.object, p.position, p.size, hashState, leaseFor)
}

// startChecking ends the receiving; work.ErrLost if the upload is the lease's no longer.
func startChecking(ctx context.Context, db pg.DBTX, l lease) error {
	const start = `
		update upload set state = 'CHECKING' where id = $1 and lease_owner = $2 and received = size and state in ('RECEIVING', 'CHECKING')`
	ours, err := pg.Changed(ctx, db, "begin the check of an upload", start, l.upload, l.owner)
	if err == nil && !ours {
		err = work.ErrLost
	}
	return err
}

// readParts reads the parts of an upload that count, in their order.
func readParts(ctx context.Context, db pg.DBTX, id uuid.UUID) ([]part, error) {
	const read = `select object, number, position, size from upload_part where upload = $1 and size is not null order by number`
	return pg.All(ctx, db, "read the parts of an upload", scanPart, read, id)
}

func scanPart(row pgx.CollectableRow) (part, error) {
	var p part
	err := row.Scan(&p.object, &p.number, &p.position, &p.size)
	return p, err
}

// anyPart reports whether the bucket should hold anything.
func anyPart(ctx context.Context, db pg.DBTX) (bool, error) {
	return pg.Value[bool](ctx, db, "look for parts", `select exists (select from upload_part where size is not null)`)
}

// leaveParts gives the objects of uploads that are gone to the sweep.
func leaveParts(ctx context.Context, db pg.DBTX, ids []uuid.UUID) error {
	return pg.Exec(ctx, db, "leave the parts of uploads", `update upload_part set gone = true where upload = any($1)`, ids)
}

// listRemains lists objects that nobody needs, after a given one: those of uploads that are gone, and those that whoever wrote
// them left unfinished.
func listRemains(ctx context.Context, db pg.DBTX, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	const list = `
		select p.object
		from   upload_part p join upload u on u.id = p.upload
		where  p.object > $1 and (p.gone or p.size is null)
		  and  (p.gone or not coalesce(u.lease_owner = p.owner and u.lease_until > now(), false))
		order  by p.object
		limit  $2`
	return pg.All(ctx, db, "list what remains of uploads", pgx.RowTo[uuid.UUID], list, after, limit)
}

// forgetParts forgets objects that were removed.
func forgetParts(ctx context.Context, db pg.DBTX, objects []uuid.UUID) error {
	return pg.Exec(ctx, db, "forget removed objects", `delete from upload_part where object = any($1)`, objects)
}

func countRemains(ctx context.Context, db pg.DBTX) (int64, error) {
	return pg.Value[int64](ctx, db, "count what remains of uploads", `select count(*) from upload_part where gone or size is null`)
}

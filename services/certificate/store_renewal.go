package certificate

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

const insertStampSQL = `
	insert into bundle_stamp (bundle, stamps, believed_until, kept_until, due_at, commit_id)
	values ($1, 1, $2, $3, case when $4 then now() + $5::interval end, $6)`

// insertStamp stores until when the time stamp of a new bundle is believed, and when the next one is due.
func insertStamp(ctx context.Context, tx *journal.Tx, id uuid.UUID, stamp bundle.Stamp, keptUntil time.Time, wait time.Duration, due bool) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert time stamp of bundle %s", id), insertStampSQL, id, stamp.Until, keptUntil, due, wait, tx.CommitID())
}

const claimRenewalsSQL = `
	update bundle_stamp s
	   set lease_until = now() + @lease, owner = @owner, attempt = s.attempt + 1
	  from (select bundle
	          from bundle_stamp
	         where due_at <= now() and (lease_until is null or lease_until <= now())
	         order by due_at
	         limit @limit
	           for update skip locked) due
	  join certificate c on c.id = due.bundle
	  join certificate_request r on r.id = due.bundle
	 where s.bundle = due.bundle
	returning s.bundle, r.edoc_num, r.principal, c.sender, s.stamps, s.attempt, s.kept_until`

func claimRenewals(ctx context.Context, db pg.DBTX, lease work.Lease) ([]renewal, error) {
	return work.Claim(ctx, db, claimRenewalsSQL, lease, nil, func(row pgx.CollectableRow) (r renewal, err error) {
		err = row.Scan(&r.id, &r.edocNum, &r.principal, &r.sender, &r.stamps, &r.attempt, &r.keptUntil)
		return r, err
	})
}

const settleRenewalLaterSQL = `
	update bundle_stamp
	   set lease_until = now() + @wait, owner = null
	 where bundle = @bundle and owner = @owner and attempt = @attempt`

// settleRenewalLater puts a renewal back. It stays due: how long it has been is what the alarm looks at.
func settleRenewalLater(ctx context.Context, db pg.DBTX, r renewal, owner string, wait time.Duration) error {
	return work.Settle(ctx, db, settleRenewalLaterSQL, pgx.NamedArgs{"bundle": r.id, "owner": owner, "attempt": r.attempt, "wait": wait})
}

const settleRenewalSQL = `
	update bundle_stamp
	   set stamps = stamps + 1, believed_until = @until, due_at = case when @due then now() + @wait::interval end, lease_until = null, owner = null, attempt = 0,
	       commit_id = @commit
	 where bundle = @bundle and owner = @owner and attempt = @attempt`

func settleRenewal(ctx context.Context, tx *journal.Tx, r renewal, owner string, stamp bundle.Stamp, wait time.Duration, due bool) error {
	return work.Settle(ctx, tx, settleRenewalSQL, pgx.NamedArgs{
		"bundle": r.id, "owner": owner, "attempt": r.attempt, "until": stamp.Until, "due": due, "wait": wait, "commit": tx.CommitID(),
	})
}

const oldestRenewalSQL = `
	select coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now())), 0)::double precision,
	       coalesce(extract(epoch from min(believed_until) filter (where due_at is not null) - now()), 'infinity')::double precision
	  from bundle_stamp`

// oldestRenewal is how long the oldest renewal has been due, in seconds, 0 where none is; and how long the first time stamp that
// has to be renewed is believed, infinity where none has to.
func oldestRenewal(ctx context.Context, db pg.DBTX) (overdue, believed float64, err error) {
	err = db.QueryRow(ctx, oldestRenewalSQL).Scan(&overdue, &believed)
	if err != nil {
		err = fmt.Errorf("observe renewals: %w", err)
	}
	return overdue, believed, err
}

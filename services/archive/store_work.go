package archive

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

// claimSQL lets senders take turns: the n-th deposit of a sender, those under way counted, comes before the n+1-th of any.
// Senders are found by steps along the index, so that one with a million due deposits costs no more than one with a single one.
// Within a sender express comes first.
const claimSQL = `
	with recursive waiting as (
	  (select d.sender from deposit d where d.state = 'DUE' order by d.sender limit 1)
	  union all
	  select (select d.sender from deposit d where d.state = 'DUE' and d.sender > w.sender order by d.sender limit 1)
	  from   waiting w
	  where  w.sender is not null),
	turns as (
	  select c.edoc_num, c.due_at, u.under_way + row_number() over (partition by w.sender order by c.lane, c.due_at) as turn
	  from   waiting w
	         cross join lateral (
	           select count(*) as under_way from deposit d where d.state = 'DUE' and d.sender = w.sender and d.lease_until > now()) u
	         cross join lateral (
	           select d.edoc_num, d.lane, d.due_at
	           from   deposit d
	           where  d.state = 'DUE' and d.sender = w.sender and d.due_at <= now() and (d.lease_until is null or d.lease_until <= now())
	           order  by d.lane, d.due_at
	           limit  @limit) c
	  where  w.sender is not null),
	due as (
	  select d.edoc_num
	  from   deposit d join turns t using (edoc_num)
	  where  d.state = 'DUE' and d.due_at <= now() and (d.lease_until is null or d.lease_until <= now())
	  order  by t.turn, t.due_at
	  limit  @limit
	  for update of d skip locked)
	update deposit d
	set    lease_until = now() + @lease::interval, owner = @owner, attempt = d.attempt + 1
	from   due
	where  d.edoc_num = due.edoc_num
	returning d.edoc_num, d.sender, d.lane, d.facts, d.ordinal, d.choices, d.resolved_at, d.traceparent, d.frame_id, d.attempt, d.owner, d.uncertain`

func claim(ctx context.Context, db pg.DBTX, lease work.Lease) ([]job, error) {
	return work.Claim(ctx, db, claimSQL, lease, nil, func(row pgx.CollectableRow) (j job, err error) {
		j.document, err = scanDocument(row, &j.attempt, &j.owner, &j.uncertain)
		return j, err
	})
}

// stillOurs is the condition of a claim that stands.
const stillOurs = ` where edoc_num = @number and owner = @owner and attempt = @attempt and state = 'DUE'`

func (j job) args() pgx.NamedArgs {
	return pgx.NamedArgs{"number": j.number, "owner": j.owner, "attempt": j.attempt}
}

// renew prolongs a claim.
func renew(ctx context.Context, db pg.DBTX, j job, lease time.Duration) error {
	args := j.args()
	args["lease"] = lease
	return work.Settle(ctx, db, `update deposit set lease_until = now() + @lease::interval`+stillOurs, args)
}

// begin marks a deposit as uncertain, right before the archive is called.
func begin(ctx context.Context, db pg.DBTX, j job) error {
	return work.Settle(ctx, db, `update deposit set uncertain = true`+stillOurs, j.args())
}

// putBack returns a deposit that was not tried; the attempt does not count.
func putBack(ctx context.Context, db pg.DBTX, j job) error {
	return work.Settle(ctx, db, `update deposit set lease_until = null, owner = null, attempt = attempt - 1, passing = true`+stillOurs, j.args())
}

// settleLater keeps a deposit that failed for later.
func settleLater(ctx context.Context, tx *journal.Tx, j job, o outcome, wait time.Duration) error {
	args := j.args()
	args["wait"], args["detail"], args["uncertain"], args["away"], args["commit"] = wait, o.detail, o.uncertain, o.passing(), tx.CommitID()
	return work.Settle(ctx, tx, `
		update deposit
		set    due_at = now() + @wait::interval, lease_until = null, owner = null, last_error = @detail, uncertain = @uncertain, passing = @away,
		       commit_id = @commit`+stillOurs, args)
}

// settleDeposited ends a deposit that was made. It returns the document with its newest resolution, which may have come during
// the attempt.
func settleDeposited(ctx context.Context, tx *journal.Tx, j job, d done) (document, error) {
	args := j.args()
	args["archive"], args["document"], args["registered"], args["digest"] = d.archive, d.archiveDocument, d.registeredAt, d.digest
	args["deposited"], args["commit"] = d.depositedAt, tx.CommitID()
	return settleEnd(ctx, tx, j, `
		update deposit
		set    state = 'DEPOSITED', due_at = null, lease_until = null, owner = null, last_error = null, uncertain = false, passing = false,
		       archive = @archive, archive_document = @document, registered_at = @registered, certificate_digest = @digest,
		       certificate_attempt = @attempt, deposited_at = @deposited, commit_id = @commit`, args)
}

// settleFailed ends a deposit that cannot be made, and returns it as settleDeposited does.
func settleFailed(ctx context.Context, tx *journal.Tx, j job, o outcome, reason string) (document, error) {
	args := j.args()
	args["reason"], args["detail"], args["ended"], args["commit"] = reason, o.detail, o.at, tx.CommitID()
	return settleEnd(ctx, tx, j, `
		update deposit
		set    state = 'FAILED', due_at = null, lease_until = null, owner = null, last_error = @detail, reason = @reason, ended_at = @ended,
		       commit_id = @commit`, args)
}

func settleEnd(ctx context.Context, tx *journal.Tx, j job, update string, args pgx.NamedArgs) (document, error) {
	d, ours, err := pg.Find(ctx, tx, "settle the deposit of "+j.number, func(row pgx.CollectableRow) (document, error) { return scanDocument(row) },
		update+stillOurs+` returning `+documentColumns, args)
	if err == nil && !ours {
		err = work.ErrLost
	}
	return d, err
}

// wakeWaiting makes due what waits because somebody was away, the oldest first.
func wakeWaiting(ctx context.Context, db pg.DBTX, limit int) (int64, error) {
	const wake = `
		with waiting as (
		  select edoc_num from deposit
		  where  state = 'DUE' and passing and due_at > now() and (lease_until is null or lease_until <= now())
		  order  by due_since, edoc_num
		  limit  $1
		  for update skip locked)
		update deposit d set due_at = now() from waiting w where d.edoc_num = w.edoc_num`
	return pg.Count(ctx, db, "wake waiting deposits", wake, limit)
}

// backlog tells how many deposits are due, the age of the oldest in seconds, and how many of them failed at their last attempt.
func backlog(ctx context.Context, db pg.DBTX) (due, age, failing float64, err error) {
	const read = `
		select (select count(*) from (select from deposit where state = 'DUE' limit 100000) d)::float8,
		       coalesce((select extract(epoch from now() - min(due_since)) from deposit where state = 'DUE'), 0)::float8,
		       (select count(*) from (select from deposit where state = 'DUE' and last_error is not null limit 100000) d)::float8`
	_, err = pg.Scan(ctx, db, "observe deposits", []any{&due, &age, &failing}, read)
	return due, max(0, age), failing, err
}

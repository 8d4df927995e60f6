package circulation

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// claimCalls claims due calls of one kind and lane with what their records hold, sorted by number.
func claimCalls(ctx context.Context, db pg.DBTX, kind callKind, lane platformv1.Lane, lease work.Lease) ([]call, error) {
	const claim = `
		with free as (
		  select edoc_num from hub_call
		  where  state = 'DUE' and kind = @kind and lane = @lane and due_at <= now() and (lease_until is null or lease_until <= now())
		  order  by due_at
		  limit  @limit
		  for    update skip locked),
		claimed as (
		  update hub_call c
		  set    lease_until = now() + @lease, owner = @owner, attempts = c.attempts + 1
		  from   free f
		  where  c.edoc_num = f.edoc_num and c.kind = @kind
		  returning c.edoc_num, c.attempts, c.ineffective, c.confirmations, c.content_digest, c.acknowledged_at, c.cause, c.traceparent)
		select ` + recordFields + `, c.attempts, c.ineffective, c.confirmations, c.content_digest, c.acknowledged_at is not null, c.cause, c.traceparent
		from   claimed c join circulation_record r using (edoc_num)
		order  by r.edoc_num`
	return work.Claim(ctx, db, claim, lease, pgx.NamedArgs{"kind": int16(kind), "lane": journal.LaneNumber(lane)}, func(row pgx.CollectableRow) (call, error) {
		c := call{kind: kind}
		var s scannedRecord
		var trace *string
		err := row.Scan(append(s.targets(), &c.attempt, &c.ineffective, &c.confirmations, &c.digest, &c.acknowledged, &c.cause, &trace)...)
		c.record, c.traceparent = s.record(), or(trace)
		return c, err
	})
}

// keepDigests notes, before they are sent for the first time, what the contents of calls are. It returns the numbers that are still ours.
func keepDigests(ctx context.Context, db pg.DBTX, kind callKind, owner uuid.UUID, first []attempt) (map[string]bool, error) {
	const keep = `
		with ours as (
		  select c.edoc_num, a.digest
		  from   hub_call c join unnest($3::text[], $4::integer[], $5::bytea[]) a(edoc_num, attempt, digest) using (edoc_num)
		  where  c.kind = $1 and c.owner = $2 and c.attempts = a.attempt and c.content_digest is null
		  order  by c.edoc_num
		  for    update of c)
		update hub_call c
		set    content_digest = o.digest
		from   ours o
		where  c.edoc_num = o.edoc_num and c.kind = $1
		returning c.edoc_num`
	var numbers []string
	var attempts []int32
	var digests [][]byte
	for _, a := range first {
		numbers, attempts, digests = append(numbers, a.call.number), append(attempts, int32(a.call.attempt)), append(digests, a.digest) //nolint:gosec // attempts are few
	}
	kept, err := numbersOf(db.Query(ctx, keep, int16(kind), owner, numbers, attempts, digests))
	if err != nil {
		return nil, fmt.Errorf("keep the content digests of %d calls: %w", len(first), err)
	}
	return kept, nil
}

// settlement is an attempt with what follows from it.
type settlement struct {
	attempt
	decision
	// after how long it is due again.
	after time.Duration
}

// settleCalls writes the results of a batch: of every attempt that was sent its row, and of each call that is still ours its new state.
// It returns the numbers of the latter; a result that came too late is kept as evidence and changes nothing.
func settleCalls(ctx context.Context, tx pg.DBTX, kind callKind, owner uuid.UUID, now time.Time, all []settlement) (map[string]bool, error) {
	const settle = `
		with told as (
		  select * from unnest($4::text[], $5::integer[], $6::text[], $7::smallint[], $8::text[], $9::bytea[], $10::timestamptz[], $11::timestamptz[],
		                       $12::text[], $13::double precision[], $14::boolean[], $15::boolean[], $16::text[])
		       u(edoc_num, attempt, outcome, result, exchange, digest, started_at, ended_at, state, after, effective, confirm, reason)),
		ours as (
		  select c.edoc_num
		  from   hub_call c join told t using (edoc_num)
		  where  c.kind = $1 and c.owner = $2 and c.attempts = t.attempt and c.state = 'DUE'
		  order  by c.edoc_num
		  for    update of c),
		kept as (
		  insert into hub_attempt (edoc_num, kind, attempt, outcome, result, exchange, content_digest, started_at, ended_at)
		  select edoc_num, $1, attempt, outcome, result, exchange, digest, started_at, ended_at
		  from   told
		  where  outcome is not null
		  order  by edoc_num
		  on conflict do nothing)
		update hub_call c
		set    state           = t.state,
		       due_at          = now() + make_interval(secs => t.after),
		       lease_until     = null,
		       owner           = null,
		       ineffective     = c.ineffective + case when t.effective then 0 else 1 end,
		       confirmations   = c.confirmations + case when t.confirm then 1 else 0 end,
		       result          = case when t.result > 0 then t.result else c.result end,
		       acknowledged_at = case when t.state = 'DONE' then coalesce(c.acknowledged_at, t.ended_at) else c.acknowledged_at end,
		       queue_reason    = t.reason,
		       queued_at       = case when t.state = 'QUEUED' then $3::timestamptz end
		from   ours o join told t using (edoc_num)
		where  c.edoc_num = o.edoc_num and c.kind = $1
		returning c.edoc_num`
	var numbers, exchanges, states []string
	var attempts []int32
	var outcomes, reasons []*string
	var results []int16
	var digests [][]byte
	var started, ended []time.Time
	var after []float64
	var effective, confirm []bool
	for _, s := range all {
		numbers, exchanges, states = append(numbers, s.call.number), append(exchanges, s.exchange), append(states, string(s.next))
		attempts, results = append(attempts, int32(s.call.attempt)), append(results, int16(s.result)) //nolint:gosec // both are few
		outcomes, reasons = append(outcomes, text(string(s.sending))), append(reasons, text(s.reason))
		digests, started, ended = append(digests, s.digest), append(started, s.startedAt), append(ended, s.endedAt)
		after, effective, confirm = append(after, s.after.Seconds()), append(effective, s.effective), append(confirm, s.confirm)
	}
	ours, err := numbersOf(tx.Query(ctx, settle, int16(kind), owner, now, numbers, attempts, outcomes, results, exchanges, digests, started, ended,
		states, after, effective, confirm, reasons))
	if err != nil {
		return nil, fmt.Errorf("settle %d calls: %w", len(all), err)
	}
	return ours, nil
}

// releaseReadTimes makes read times due whose registration is done, and tells how many. It MUST run after the registrations were
// settled in the same transaction (insertReadCalls says why).
func releaseReadTimes(ctx context.Context, tx pg.DBTX, numbers []string) (int64, error) {
	const release = `
		update hub_call c
		set    state = 'DUE', due_at = now()
		from   (select edoc_num from hub_call where kind = 2 and state = 'WAITING' and edoc_num = any($1) order by edoc_num for update) w
		where  c.edoc_num = w.edoc_num and c.kind = 2 and c.state = 'WAITING'`
	tag, err := tx.Exec(ctx, release, numbers)
	if err != nil {
		return 0, fmt.Errorf("release %d read times: %w", len(numbers), err)
	}
	return tag.RowsAffected(), nil
}

// recheckRegistrations makes done registrations due again: the hub says it does not have them.
func recheckRegistrations(ctx context.Context, tx pg.DBTX, numbers []string, after time.Duration) error {
	const recheck = `
		update hub_call c
		set    state = 'DUE', due_at = now() + $2::interval
		from   (select edoc_num from hub_call where kind = 1 and state = 'DONE' and edoc_num = any($1) order by edoc_num for update) d
		where  c.edoc_num = d.edoc_num and c.kind = 1 and c.state = 'DONE'`
	if _, err := tx.Exec(ctx, recheck, numbers, after); err != nil {
		return fmt.Errorf("recheck %d registrations: %w", len(numbers), err)
	}
	return nil
}

// confirmation is a registration whose recipient's address did not exist at the hub.
type confirmation struct {
	number, address string
	confirmations   int
}

func claimConfirmations(ctx context.Context, db pg.DBTX, lease work.Lease) ([]confirmation, error) {
	const claim = `
		with free as (
		  select edoc_num from hub_call
		  where  state = 'CONFIRMING' and kind = 1 and due_at <= now() and (lease_until is null or lease_until <= now())
		  order  by due_at
		  limit  @limit
		  for    update skip locked),
		claimed as (
		  update hub_call c
		  set    lease_until = now() + @lease, owner = @owner
		  from   free f
		  where  c.edoc_num = f.edoc_num and c.kind = 1
		  returning c.edoc_num, c.confirmations)
		select c.edoc_num, r.to_address, c.confirmations
		from   claimed c join circulation_record r using (edoc_num)
		order  by c.edoc_num`
	return work.Claim(ctx, db, claim, lease, nil, func(row pgx.CollectableRow) (confirmation, error) {
		var c confirmation
		var address *string
		err := row.Scan(&c.number, &address, &c.confirmations)
		c.address = or(address)
		return c, err
	})
}

// settleConfirmation makes the registration, or the confirmation again, due after a wait.
func settleConfirmation(ctx context.Context, db pg.DBTX, number string, owner uuid.UUID, next callState, after time.Duration) error {
	return work.Settle(ctx, db, `
		update hub_call
		set    state = @state, due_at = now() + @after::interval, lease_until = null, owner = null
		where  edoc_num = @number and kind = 1 and state = 'CONFIRMING' and owner = @owner`,
		pgx.NamedArgs{"state": string(next), "after": after, "number": number, "owner": owner})
}

// retryQueued makes the queued calls of a record due, and tells which.
func retryQueued(ctx context.Context, tx pg.DBTX, number string) ([]callKind, error) {
	const retry = `
		update hub_call
		set    state = 'DUE', due_at = now(), confirmations = 0, queue_reason = null, queued_at = null
		where  edoc_num = $1 and state = 'QUEUED'
		returning kind`
	rows, err := tx.Query(ctx, retry, number)
	if err != nil {
		return nil, fmt.Errorf("retry the calls of %s: %w", number, err)
	}
	kinds, err := pgx.CollectRows(rows, pgx.RowTo[callKind])
	if err != nil {
		return nil, fmt.Errorf("retry the calls of %s: %w", number, err)
	}
	return kinds, nil
}

// queuePlace is where a page of the queue goes on.
type queuePlace struct {
	QueuedAt time.Time `json:"t"`
	Number   string    `json:"n"`
}

// listQueue lists the records with a queued call, the longest waiting first, after a place.
func listQueue(ctx context.Context, db pg.DBTX, after queuePlace, limit int) ([]full, error) {
	rows, err := db.Query(ctx, fullRecord(`
		join   (select edoc_num, min(queued_at) as queued_at from hub_call where state = 'QUEUED' group by edoc_num) q on q.edoc_num = r.edoc_num
		where  (q.queued_at, q.edoc_num) > ($1, $2)
		order  by q.queued_at, q.edoc_num
		limit  $3`), after.QueuedAt, after.Number, limit)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanFull)
	if err != nil {
		return nil, fmt.Errorf("list the queue: %w", err)
	}
	return found, nil
}

// backlog is what waits, for metrics.
type backlog struct {
	due, queued, overdue int64
	oldestDue            time.Time
	oldestQueued         time.Time
}

// backlogCounted bounds the counts, so that measuring a long backlog costs no more than a short one.
const backlogCounted = 100_000

func readBacklog(ctx context.Context, db pg.DBTX, overdueBefore time.Time) (backlog, error) {
	const read = `
		select (select count(*) from (select from hub_call where state in ('DUE', 'CONFIRMING') limit $2) c),
		       (select min(due_at) from hub_call where state in ('DUE', 'CONFIRMING')),
		       (select count(*) from (select from hub_call where state = 'QUEUED' limit $2) c),
		       (select min(queued_at) from hub_call where state = 'QUEUED'),
		       (select count(*) from (select from hub_call where state = 'QUEUED' and queued_at < $1 limit $2) c)`
	var b backlog
	var oldestDue, oldestQueued *time.Time
	if err := db.QueryRow(ctx, read, overdueBefore, backlogCounted).Scan(&b.due, &oldestDue, &b.queued, &oldestQueued, &b.overdue); err != nil {
		return backlog{}, fmt.Errorf("read the backlog: %w", err)
	}
	b.oldestDue, b.oldestQueued = or(oldestDue), or(oldestQueued)
	return b, nil
}

func numbersOf(rows pgx.Rows, err error) (map[string]bool, error) {
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	set := make(map[string]bool, len(list))
	for _, number := range list {
		set[number] = true
	}
	return set, nil
}

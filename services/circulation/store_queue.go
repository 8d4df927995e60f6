package circulation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// retryQueued makes the queued calls of a record due, and tells which.
func retryQueued(ctx context.Context, tx *journal.Tx, number string) ([]call, error) {
	const retry = `
		update circulation_record
		set    ${call}_state = 1, ${call}_due_at = now(), ${call}_reason = null, ${call}_queued_at = null,
		       commit_id = $2
		where  edoc_num = $1 and ${call}_state = 4
		returning ${call}_attempts`
	var all []call
	for _, kind := range []callKind{registration, readTime} {
		retried, err := pg.All(ctx, tx, fmt.Sprintf("retry the %s of %s", kind, number), func(row pgx.CollectableRow) (call, error) {
			c := call{kind: kind}
			err := row.Scan(&c.attempt)
			return c, err
		}, kind.sql(retry), number, tx.CommitID())
		if err != nil {
			return nil, err
		}
		all = append(all, retried...)
	}
	return all, nil
}

// acceptQueued marks the calls of a record as done that are queued because the hub already has them, the registration first. It
// names the attempt that got this answer. That attempt counts as effective from now on, so the same answer to a later check is
// expected.
func acceptQueued(ctx context.Context, tx *journal.Tx, number string) ([]settlement, error) {
	const accept = `
		with told as (
		  select r.edoc_num, 3 as state, r.${call}_acknowledged_at is not null as acknowledged, c.exchanges[p.place] as exchange,
		         c.digests[p.place] as digest, c.started_at[p.place] as started_at, c.ended_at[p.place] as ended_at
		  from   circulation_record r join hub_call c on c.id = r.${call}_call
		         cross join lateral (select array_position(c.numbers, r.edoc_num) as place) p
		  where  r.edoc_num = $1 and r.${call}_state = 4 and r.${call}_reason = $2 and r.${call}_result = $3 and c.results[p.place] = $3
		  for    update of r)
		update circulation_record r
		set    `
	const rest = `
		       ${call}_state           = t.state,
		       ${call}_due_at          = now(),
		       ${call}_ineffective     = greatest(r.${call}_ineffective - 1, 0),
		       ${call}_acknowledged_at = coalesce(r.${call}_acknowledged_at, t.ended_at),
		       ${call}_reason          = null,
		       ${call}_queued_at       = null,
		       commit_id               = $4
		from   told t
		where  r.edoc_num = t.edoc_num
		returning ` + recordFields + `, r.${call}_attempts, r.${call}_cause, r.${call}_traceparent,
		          t.acknowledged, t.exchange, t.digest, t.started_at, t.ended_at`
	var all []settlement
	for _, kind := range []callKind{registration, readTime} {
		other := ""
		if kind == registration {
			other = releaseReadTime
		}
		accepted, err := pg.All(ctx, tx, fmt.Sprintf("accept the %s of %s", kind, number),
			func(row pgx.CollectableRow) (settlement, error) { return scanAccepted(row, kind) },
			kind.sql(accept+other+rest), number, resultReason(resultAlready), int16(resultAlready), tx.CommitID())
		if err != nil {
			return nil, err
		}
		all = append(all, accepted...)
	}
	return all, nil
}

func scanAccepted(row pgx.CollectableRow, kind callKind) (settlement, error) {
	one := settlement{attempt: attempt{sending: answered, result: resultAlready}, decision: decision{next: done, effective: true}}
	var s scannedRecord
	var trace *string
	err := row.Scan(append(s.targets(), &one.call.attempt, &one.call.cause, &trace, &one.call.acknowledged, &one.exchange,
		&one.digest, &one.startedAt, &one.endedAt)...)
	one.call.kind, one.call.record, one.call.traceparent = kind, s.record(), pg.OrZero(trace)
	one.startedAt, one.endedAt = one.startedAt.UTC(), one.endedAt.UTC()
	return one, err
}

// givenUpCall is a call that was given up, and why it was queued.
type givenUpCall struct {
	call   call
	reason string
}

// giveUpQueued ends the queued calls of a record, and tells which.
func giveUpQueued(ctx context.Context, tx *journal.Tx, number string) ([]givenUpCall, error) {
	const end = `
		update circulation_record
		set    ${call}_state = 5, ${call}_refusals = 0, ${call}_refused_since = null, ${call}_refusal = null, commit_id = $2
		where  edoc_num = $1 and ${call}_state = 4
		returning edoc_num, sender, lane, ${call}_attempts, ${call}_reason, ${call}_cause, ${call}_traceparent`
	var all []givenUpCall
	for _, kind := range []callKind{registration, readTime} {
		ended, err := pg.All(ctx, tx, fmt.Sprintf("give up the %s of %s", kind, number), func(row pgx.CollectableRow) (givenUpCall, error) {
			one := givenUpCall{call: call{kind: kind}}
			var lane int16
			var trace *string
			err := row.Scan(&one.call.number, &one.call.sender, &lane, &one.call.attempt, &one.reason, &one.call.cause, &trace)
			one.call.lane, one.call.traceparent = platformv1.Lane(lane), pg.OrZero(trace)
			return one, err
		}, kind.sql(end), number, tx.CommitID())
		if err != nil {
			return nil, err
		}
		all = append(all, ended...)
	}
	return all, nil
}

func anyQueued(ctx context.Context, tx pg.DBTX, number string) (bool, error) {
	const look = `
		select exists (select from circulation_record where edoc_num = $1 and (registration_state = 4 or read_time_state = 4))`
	return pg.Value[bool](ctx, tx, fmt.Sprintf("look for queued calls of %s", number), look, number)
}

func insertRuling(ctx context.Context, tx *journal.Tx, on call, by ruling) error {
	const insert = `
		insert into hub_ruling (edoc_num, kind, attempt, decision, id, actor, reason, digest, ruled_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	return pg.Exec(ctx, tx, fmt.Sprintf("insert ruling on %s", on.number), insert, on.number, int16(on.kind), on.attempt, string(by.decision),
		by.id, by.operator.ID, by.reason, by.digest, by.at, tx.CommitID())
}

// queuePlace is where a page of the queue goes on.
type queuePlace struct {
	QueuedAt time.Time `json:"t"`
	Number   string    `json:"n"`
}

// listQueue lists the records with a queued call after a position, the longest waiting first.
func listQueue(ctx context.Context, db pg.DBTX, after queuePlace, limit int) ([]full, error) {
	return pg.All(ctx, db, "list the queue", scanFull, fullRecord(`
		where  (r.registration_state = 4 or r.read_time_state = 4)
		  and  (least(r.registration_queued_at, r.read_time_queued_at), r.edoc_num) > ($1, $2)
		order  by least(r.registration_queued_at, r.read_time_queued_at), r.edoc_num
		limit  $3`), after.QueuedAt, after.Number, limit)
}

// backlog counts what waits, for metrics.
type backlog struct {
	due, queued, overdue, refused           int64
	oldestDue, oldestQueued, longestRefused time.Time
}

// backlogCounted bounds the counts, so that measuring a long backlog costs no more than a short one.
const backlogCounted = 100_000

// readBacklog finds the oldest due call by one index look-up for each state and lane.
func readBacklog(ctx context.Context, db pg.DBTX, overdueBefore time.Time) (backlog, error) {
	const read = `
		with queued as materialized (
		  select registration_queued_at as registration, read_time_queued_at as read_time from circulation_record
		  where  registration_state = 4 or read_time_state = 4
		  order  by least(registration_queued_at, read_time_queued_at)
		  limit  $2),
		refused as materialized (
		  select least(registration_refused_since, read_time_refused_since) as since from circulation_record
		  where  registration_refused_since is not null or read_time_refused_since is not null
		  order  by least(registration_refused_since, read_time_refused_since)
		  limit  $2)
		select (select count(*) from (select from circulation_record where registration_state in (1, 2) limit $2) c) +
		       (select count(*) from (select from circulation_record where read_time_state = 1 limit $2) c),
		       (select min(d.due_at)
		        from   (values (1, 1), (1, 2), (2, 1), (2, 2)) v(state, lane)
		               cross join lateral (
		                 (select registration_due_at as due_at from circulation_record
		                  where  registration_state in (1, 2) and registration_state = v.state and lane = v.lane
		                  order  by registration_due_at limit 1)
		                 union all
		                 (select read_time_due_at from circulation_record
		                  where  read_time_state = 1 and read_time_state = v.state and lane = v.lane
		                  order  by read_time_due_at limit 1)) d),
		       (select count(registration) + count(read_time) from queued),
		       (select least(min(registration), min(read_time)) from queued),
		       (select count(*) filter (where registration < $1) + count(*) filter (where read_time < $1) from queued),
		       (select count(*) from refused), (select min(since) from refused)`
	var b backlog
	var oldestDue, oldestQueued, longestRefused *time.Time
	if err := db.QueryRow(ctx, read, overdueBefore, backlogCounted).Scan(&b.due, &oldestDue, &b.queued, &oldestQueued, &b.overdue,
		&b.refused, &longestRefused); err != nil {
		return backlog{}, fmt.Errorf("read the backlog: %w", err)
	}
	b.oldestDue, b.oldestQueued, b.longestRefused = pg.OrZero(oldestDue), pg.OrZero(oldestQueued), pg.OrZero(longestRefused)
	return b, nil
}

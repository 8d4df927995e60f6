package circulation

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// claimBatch claims due calls of one kind and lane by inserting a row of hub_call for them. It only reads the records. Two claims
// cannot take the same record, because the claims of a kind wait for each other and leave out the numbers of open calls. A claim
// sees all earlier claims, because its statement begins after it has got the lock.
func claimBatch(ctx context.Context, db *pgxpool.Pool, kind callKind, lane platformv1.Lane, limit int, lease time.Duration) (batch, error) {
	const turn = `
		select exists (select from hub_call where kind = $1 and settled_at is null and lapsed_at is null and lease_until <= now())
		from   hub_claim
		where  kind = $1
		for    update`
	const claim = `
		with free as materialized (
		  select ` + recordFields + `, r.${call}_attempts + 1 as attempt, r.${call}_ineffective, r.${call}_digest,
		         r.${call}_refusals, r.${call}_refused_since, coalesce(r.${call}_refusal, ''),
		         r.${call}_acknowledged_at is not null, r.${call}_cause, r.${call}_traceparent
		  from   circulation_record r
		  where  r.${call}_state = 1 and r.lane = @lane and r.${call}_due_at <= now()
		    and  r.edoc_num not in (select unnest(numbers) from hub_call where kind = @kind and settled_at is null and lapsed_at is null)
		  order  by r.${call}_due_at
		  limit  @limit),
		claimed as (
		  insert into hub_call (id, kind, lane, numbers, attempts, claimed_at, lease_until)
		  select @id, @kind, @lane, array_agg(edoc_num order by edoc_num), array_agg(attempt order by edoc_num), now(), now() + @lease
		  from   free
		  having count(*) > 0)
		select * from free order by edoc_num`
	b := batch{id: id.New(), kind: kind, lane: lane}
	err := pg.InTx(ctx, db, func(tx *pg.Tx) error {
		var lapsed bool
		if err := tx.QueryRow(ctx, turn, int16(kind)).Scan(&lapsed); err != nil {
			return fmt.Errorf("wait for the turn: %w", err)
		}
		if lapsed {
			if err := lapseCalls(ctx, tx, kind); err != nil {
				return err
			}
		}
		var err error
		b.calls, err = pg.All(ctx, tx, "take free calls", func(row pgx.CollectableRow) (call, error) {
			c := call{kind: kind}
			var s scannedRecord
			var trace *string
			var refusedSince *time.Time
			err := row.Scan(append(s.targets(), &c.attempt, &c.ineffective, &c.digest, &c.refusals, &refusedSince, &c.refusal, &c.acknowledged,
				&c.cause, &trace)...)
			c.record, c.traceparent, c.refusedSince = s.record(), pg.OrZero(trace), pg.OrZero(refusedSince)
			return c, err
		}, kind.sql(claim), pgx.NamedArgs{"id": b.id, "kind": int16(kind), "lane": journal.LaneNumber(lane), "limit": limit, "lease": lease})
		return err
	})
	if err != nil {
		return batch{}, fmt.Errorf("claim %s calls: %w", kind, err)
	}
	return b, nil
}

// lapseCalls ends the claims whose lease has run out, whatever happened to their replicas. Each attempt counts; one with a digest
// may have taken effect. A result that comes later finds that the call has lapsed.
func lapseCalls(ctx context.Context, tx pg.DBTX, kind callKind) error {
	const lapse = `
		with lapsed as (
		  select id, numbers, attempts, coalesce(digests, '{}') as digests from hub_call
		  where  kind = $1 and settled_at is null and lapsed_at is null and lease_until <= now()
		  for    update skip locked),
		marked as (
		  update hub_call c set lapsed_at = now() from lapsed l where c.id = l.id)
		update circulation_record r
		set    ${call}_attempts    = i.attempt,
		       ${call}_ineffective = r.${call}_ineffective + case when i.digest is null then 1 else 0 end,
		       ${call}_digest      = coalesce(r.${call}_digest, i.digest),
		       ${call}_call        = l.id
		from   lapsed l cross join lateral unnest(l.numbers, l.attempts, l.digests) i(edoc_num, attempt, digest)
		where  r.edoc_num = i.edoc_num and r.${call}_attempts = i.attempt - 1`
	return pg.Exec(ctx, tx, "end claims that ran out", kind.sql(lapse), int16(kind))
}

// beginCall stores the digests of a batch before anything is sent; items that are not sent have none. It returns work.ErrLost if
// the claim has lapsed.
func beginCall(ctx context.Context, db pg.DBTX, b batch, ready []prepared) error {
	digests := make([][]byte, len(b.calls))
	next := 0
	for i, c := range b.calls {
		if next < len(ready) && ready[next].call.number == c.number {
			digests[i] = ready[next].digest
			next++
		}
	}
	return work.Settle(ctx, db, `
		update hub_call set digests = @digests where id = @id and settled_at is null and lapsed_at is null`,
		pgx.NamedArgs{"id": b.id, "digests": digests})
}

// renewCall lets a claim stand longer. It returns work.ErrLost if the claim has lapsed.
func renewCall(ctx context.Context, db pg.DBTX, b batch, lease time.Duration) error {
	return work.Settle(ctx, db, `
		update hub_call set lease_until = now() + @lease where id = @id and settled_at is null and lapsed_at is null`,
		pgx.NamedArgs{"id": b.id, "lease": lease})
}

// settlement is an attempt with what follows from it.
type settlement struct {
	attempt
	decision
	// after is the wait before the call is due again; if the registration must be checked, before the registration is due.
	after time.Duration
}

// closeCall stores the result of every attempt of a batch, sorted by number, in its call. It reports whether the claim was still
// ours: a result that came too late is kept but changes nothing else.
func closeCall(ctx context.Context, tx *journal.Tx, b batch, now time.Time, all []settlement) (ours bool, err error) {
	const settle = `
		update hub_call
		set    settled_at = $2, outcomes = $3, results = $4, exchanges = $5, started_at = $6, ended_at = $7, commit_id = $8
		where  id = $1 and settled_at is null
		returning lapsed_at is null`
	c := settlementColumns(all)
	err = tx.QueryRow(ctx, settle, b.id, now, c.outcomes, c.results, c.exchanges, c.started, c.ended, tx.CommitID()).Scan(&ours)
	if err != nil {
		return false, fmt.Errorf("close call %s: %w", b.id, err)
	}
	return ours, nil
}

// releaseReadTime makes the read time due that waited for its registration. It is part of an update of records r by settlements
// t.
const releaseReadTime = `
		       read_time_state  = case when t.state = 3 and r.read_time_state = 0 and r.read_at is not null and r.document_type <> 3
		                               then 1 else r.read_time_state end,
		       read_time_due_at = case when r.read_time_state = 0 and r.read_at is not null then now() else r.read_time_due_at end,`

// recheckRegistration makes a registration due again if the hub, asked about the read time, says that it does not have it.
const recheckRegistration = `
		       registration_state  = case when t.recheck and r.registration_state = 3 then 1 else r.registration_state end,
		       registration_due_at = case when t.recheck and r.registration_state = 3 then now() + make_interval(secs => t.after)
		                                  else r.registration_due_at end,`

// settleRecords moves the records of a call to the states that follow from its results, and the other call of each record, too.
// It returns the numbers, each with whether a read time is due. It changes only records whose attempt number is still the same.
// It MUST run after closeCall.
func settleRecords(ctx context.Context, tx *journal.Tx, b batch, now time.Time, all []settlement) (map[string]bool, error) {
	const settle = `
		update circulation_record r
		set    `
	const rest = `
		       ${call}_state           = t.state,
		       ${call}_due_at          = now() + make_interval(secs => t.after),
		       ${call}_attempts        = t.attempt,
		       ${call}_ineffective     = r.${call}_ineffective + case when t.effective then 0 else 1 end,
		       ${call}_refusals        = case when t.retried then r.${call}_refusals + 1 when t.state in (3, 4) then 0 else r.${call}_refusals end,
		       ${call}_refused_since   = case when t.retried then least(coalesce(r.${call}_refused_since, 'infinity'), greatest(now(), $2))
		                                      when t.state in (3, 4) then null else r.${call}_refused_since end,
		       ${call}_refusal         = case when t.retried then t.reason when t.state in (3, 4) then null else r.${call}_refusal end,
		       ${call}_digest          = coalesce(r.${call}_digest, t.digest),
		       ${call}_call            = $1,
		       ${call}_result          = case when t.result > 0 then t.result else r.${call}_result end,
		       ${call}_acknowledged_at = case when t.state = 3 then coalesce(r.${call}_acknowledged_at, t.ended_at) else r.${call}_acknowledged_at end,
		       ${call}_reason          = case when t.state = 4 then t.reason end,
		       ${call}_queued_at       = case when t.state = 4 then $2::timestamptz end,
		       commit_id               = $14
		from   unnest($3::text[], $4::integer[], $5::smallint[], $6::bytea[], $7::timestamptz[], $8::smallint[], $9::double precision[],
		              $10::boolean[], $11::boolean[], $12::boolean[], $13::text[])
		         t(edoc_num, attempt, result, digest, ended_at, state, after, effective, retried, recheck, reason)
		where  r.edoc_num = t.edoc_num and r.${call}_attempts = t.attempt - 1
		returning r.edoc_num, r.read_time_state = 1`
	other := releaseReadTime
	if b.kind == readTime {
		other = recheckRegistration
	}
	c := settlementColumns(all)
	settled := make(map[string]bool, len(all))
	var number string
	var released bool
	if err := pg.Each(ctx, tx, fmt.Sprintf("settle %d calls", len(all)), []any{&number, &released}, func() error {
		settled[number] = released
		return nil
	}, b.kind.sql(settle+other+rest), b.id, now, c.numbers, c.attempts, c.results, c.digests, c.ended, c.states, c.after,
		c.effective, c.retried, c.recheck, c.reasons, tx.CommitID()); err != nil {
		return nil, err
	}
	return settled, nil
}

// settledColumns are settlements as columns for unnest.
type settledColumns struct {
	numbers, exchanges          []string
	attempts                    []int32
	results, states             []int16
	digests                     [][]byte
	started, ended              []time.Time
	after                       []float64
	effective, retried, recheck []bool
	outcomes, reasons           []*string
}

func settlementColumns(all []settlement) settledColumns {
	var c settledColumns
	for _, s := range all {
		c.numbers, c.exchanges, c.digests = append(c.numbers, s.call.number), append(c.exchanges, s.exchange), append(c.digests, s.digest)
		c.started, c.ended, c.outcomes = append(c.started, s.startedAt), append(c.ended, s.endedAt), append(c.outcomes, pg.OrNull(string(s.sending)))
		c.attempts, c.results, c.states = append(c.attempts, int32(s.call.attempt)), append(c.results, int16(s.result)), append(c.states, int16(s.next)) //nolint:gosec // both are few
		c.after, c.reasons = append(c.after, s.after.Seconds()), append(c.reasons, pg.OrNull(s.reason))
		c.effective, c.retried, c.recheck = append(c.effective, s.effective), append(c.retried, s.retried), append(c.recheck, s.recheck)
	}
	return c
}

// confirmation is a registration for which an address did not exist at the hub: the sender's, or else the recipient's.
type confirmation struct {
	number, address string
	refusals        int
	// until is the end of the lease; it identifies the claim.
	until time.Time
}

// claimConfirmations claims confirmations by moving their due time.
func claimConfirmations(ctx context.Context, db pg.DBTX, lease work.Lease) ([]confirmation, error) {
	const claim = `
		with free as (
		  select edoc_num from circulation_record
		  where  registration_state = 2 and registration_due_at <= now()
		  order  by registration_due_at
		  limit  @limit
		  for    update skip locked)
		update circulation_record r
		set    registration_due_at = now() + @lease
		from   free f
		where  r.edoc_num = f.edoc_num
		returning r.edoc_num, coalesce(case when r.registration_result = @sender then r.from_address else r.to_address end, ''),
		          r.registration_refusals, r.registration_due_at`
	return work.Claim(ctx, db, claim, lease, pgx.NamedArgs{"sender": int16(resultNoSender)}, func(row pgx.CollectableRow) (confirmation, error) {
		var c confirmation
		err := row.Scan(&c.number, &c.address, &c.refusals, &c.until)
		return c, err
	})
}

// settleConfirmation makes the registration, or the confirmation again, due after a wait.
func settleConfirmation(ctx context.Context, db pg.DBTX, c confirmation, next callState, after time.Duration) error {
	return work.Settle(ctx, db, `
		update circulation_record
		set    registration_state = @state, registration_due_at = now() + @after::interval
		where  edoc_num = @number and registration_state = 2 and registration_due_at = @until`,
		pgx.NamedArgs{"state": int16(next), "after": after, "number": c.number, "until": c.until})
}

// wakeWaiting makes calls due whose pause is not over, from the time of what they tell on.
func wakeWaiting(ctx context.Context, db pg.DBTX, kind callKind, limit int) (int64, error) {
	tells := "received_at"
	if kind == readTime {
		tells = "read_at"
	}
	wake := `
		with waiting as (
		  select edoc_num from circulation_record
		  where  ${call}_state = 1 and ${call}_due_at > now()
		  order  by ` + tells + `
		  limit  $1
		  for    update skip locked)
		update circulation_record r
		set    ${call}_due_at = least(r.` + tells + `, now())
		from   waiting w
		where  r.edoc_num = w.edoc_num`
	return pg.Count(ctx, db, fmt.Sprintf("wake %s calls", kind), kind.sql(wake), limit)
}

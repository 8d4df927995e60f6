package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// claim is a due row that we have claimed.
type claim struct {
	// key is an edoc number or an address.
	key string
	// attempt must be unchanged when the result is written; failures counts failed calls since the last success.
	attempt, failures int32
}

func scanClaim(row pgx.CollectableRow) (claim, error) {
	var c claim
	return c, row.Scan(&c.key, &c.attempt, &c.failures)
}

// Bounds for a claim: overdue rows read at the front of the queue, and senders visited beyond them.
const (
	claimFront = 256
	claimSteps = 200
)

// claimDocuments takes turns between senders: each gets its oldest row before any gets its second, so that one sender's million
// documents do not delay another's single one. This is exact while the front of the queue holds everything. In a backlog, senders
// are also visited from a random place on, which reaches everybody in time without counting them all.
func claimDocuments(ctx context.Context, db pg.DBTX, lease work.Lease) ([]claim, error) {
	const take = `
		with recursive front as materialized (
		  select edoc_num, sender, due_at
		  from   due_document
		  where  due_at <= now() and (lease_until is null or lease_until <= now())
		  order  by due_at
		  limit  @front
		), visit as (
		  (select sender, 1 as step
		   from   due_document
		   where  sender > @place and (select count(*) from front) = @front
		   order  by sender
		   limit  1)
		  union all
		  select (select d.sender from due_document d where d.sender > v.sender order by d.sender limit 1), v.step + 1
		  from   visit v
		  where  v.sender is not null and v.step < @steps
		), beyond as (
		  select c.edoc_num, v.sender, c.due_at
		  from   visit v
		  cross  join lateral (select edoc_num, due_at
		                       from   due_document d
		                       where  d.sender = v.sender and d.due_at <= now() and (d.lease_until is null or d.lease_until <= now())
		                       order  by d.due_at
		                       limit  1) c
		  limit  @limit
		), turn as (
		  select edoc_num, due_at, row_number() over (partition by sender order by due_at, edoc_num) as place
		  from   (select edoc_num, sender, due_at from front union select edoc_num, sender, due_at from beyond) c
		), mine as (
		  select d.edoc_num
		  from   due_document d
		  where  d.edoc_num in (select edoc_num from turn order by place, due_at limit @limit)
		    and  d.due_at <= now() and (d.lease_until is null or d.lease_until <= now())
		  order  by d.edoc_num
		  for    update skip locked
		)
		update due_document d
		set    lease_until = now() + @lease, owner = @owner, attempt = d.attempt + 1
		from   mine
		where  d.edoc_num = mine.edoc_num
		returning d.edoc_num, d.attempt, d.failures`
	// Senders are random UUIDs, so any other one is a random place among them.
	args := pgx.NamedArgs{"front": claimFront, "steps": claimSteps, "place": uuid.NewString()}
	return work.Claim(ctx, db, take, lease, args, scanClaim)
}

func claimAddresses(ctx context.Context, db pg.DBTX, lease work.Lease) ([]claim, error) {
	const take = `
		with mine as (
		  select address
		  from   due_address
		  where  due_at <= now() and (lease_until is null or lease_until <= now())
		  order  by due_at
		  limit  @limit
		  for    update skip locked
		)
		update due_address d
		set    lease_until = now() + @lease, owner = @owner, attempt = d.attempt + 1
		from   mine
		where  d.address = mine.address
		returning d.address, d.attempt, d.failures`
	return work.Claim(ctx, db, take, lease, nil, scanClaim)
}

// due says when a document is to be looked at.
type due struct {
	edoc, sender string
	in           time.Duration
}

// setDueDocuments sets when open documents are looked at. An existing row loses its claim, so work under way is redone.
func setDueDocuments(ctx context.Context, db pg.DBTX, dues []due) error {
	if len(dues) == 0 {
		return nil
	}
	const set = `
		insert into due_document (edoc_num, sender, due_at)
		select edoc_num, sender, now() + wait
		from   unnest($1::text[], $2::text[], $3::interval[]) u(edoc_num, sender, wait)
		order  by edoc_num
		on conflict (edoc_num) do update
		set    due_at = excluded.due_at, owner = null, lease_until = null, failures = 0`
	return pg.Exec(ctx, db, fmt.Sprintf("set %d documents due", len(dues)), set,
		pg.Column(dues, func(d due) string { return d.edoc }),
		pg.Column(dues, func(d due) string { return d.sender }),
		pg.Column(dues, func(d due) time.Duration { return d.in }))
}

// nudgeDocuments makes open documents due at once that have one of the keys, or whose latest outcome names the recipient.
func nudgeDocuments(ctx context.Context, db pg.DBTX, keys, seconds [][]byte, recipient uuid.UUID) error {
	const nudge = `
		update due_document d
		set    due_at = now(), owner = null, lease_until = null
		from   (select edoc_num from due_document
		        where  edoc_num in (select o.edoc_num from open_document o
		                            where  o.state = 'open' and (o.match_key = any($1) or o.match_key_2 = any($2) or o.recipient = $3))
		        order  by edoc_num
		        for    update) n
		where  d.edoc_num = n.edoc_num`
	return pg.Exec(ctx, db, "make waiting documents due", nudge, keys, seconds, recipient)
}

// dropDueDocuments ends the work on documents.
func dropDueDocuments(ctx context.Context, db pg.DBTX, edocs []string) error {
	if len(edocs) == 0 {
		return nil
	}
	const drop = `
		delete from due_document d
		using (select edoc_num from due_document where edoc_num = any($1) order by edoc_num for update) n
		where  d.edoc_num = n.edoc_num`
	return pg.Exec(ctx, db, fmt.Sprintf("end the work on %d documents", len(edocs)), drop, edocs)
}

// queue is a table of due work, by the column of its key.
type queue struct{ table, key string }

var (
	dueDocuments = queue{"due_document", "edoc_num"}
	dueAddresses = queue{"due_address", "address"}
	dueNames     = queue{"due_name_change", "address"}
)

// settle puts claimed work back for later. ErrLost when the claim is not ours any more.
func (q queue) settle(ctx context.Context, db pg.DBTX, owner string, c claim, in time.Duration, failures int32) error {
	return work.Settle(ctx, db, `
		update `+q.table+`
		set    due_at = now() + @wait, owner = null, lease_until = null, failures = @failures
		where  `+q.key+` = @key and owner = @owner and attempt = @attempt`,
		pgx.NamedArgs{"key": c.key, "owner": owner, "attempt": c.attempt, "wait": in, "failures": failures})
}

// finish ends claimed work. ErrLost when the claim is not ours any more.
func (q queue) finish(ctx context.Context, db pg.DBTX, owner string, c claim) error {
	return work.Settle(ctx, db, `delete from `+q.table+` where `+q.key+` = @key and owner = @owner and attempt = @attempt`,
		pgx.NamedArgs{"key": c.key, "owner": owner, "attempt": c.attempt})
}

// setDueAddress makes the next call to the hub for an address due. It does not change a claim under way, so the steps of one
// address never overlap. Attempts continue the count of earlier ones, so that a late result of an earlier step is not taken for
// this one's.
func setDueAddress(ctx context.Context, db pg.DBTX, address string) error {
	const set = `
		insert into due_address (address, due_at, attempt)
		values ($1, now(), (select coalesce(max(attempt), 0) from hub_attempt where subject = $1))
		on conflict (address) do update
		set    due_at = now(), failures = 0`
	return pg.Exec(ctx, db, "set address due", set, address)
}

// startOverAddress does the same and takes the claim from a call under way: what that is answered, or whether it ends what is
// due, does not count for what was submitted or ordered since.
func startOverAddress(ctx context.Context, db pg.DBTX, address string) error {
	const free = `update due_address set owner = null, lease_until = null where address = $1`
	if err := pg.Exec(ctx, db, "take the claim from an address", free, address); err != nil {
		return err
	}
	return setDueAddress(ctx, db, address)
}

// dropUnclaimedAddress ends what is due for an address. A call under way is left to who makes it.
func dropUnclaimedAddress(ctx context.Context, db pg.DBTX, address string) error {
	return pg.Exec(ctx, db, "end what is due for an address", `delete from due_address where address = $1 and owner is null`, address)
}

// attempt is one call to the hub.
type attempt struct {
	subject, call      string
	number             int32
	outcome, exchange  string
	startedAt, endedAt time.Time
}

func insertAttempt(ctx context.Context, db pg.DBTX, a attempt) error {
	const insert = `
		insert into hub_attempt (id, subject, call, attempt, outcome, exchange, started_at, ended_at)
		values                  ($1, $2,      $3,   $4,      $5,      $6,       $7,         $8)`
	return pg.Exec(ctx, db, "keep attempt at the hub", insert, id.New(), a.subject, a.call, a.number, a.outcome, a.exchange, a.startedAt, a.endedAt)
}

// readCache gives the hub's answer for a key if one is kept that is still fresh.
func readCache(ctx context.Context, db pg.DBTX, m match, now time.Time) (hubAnswer, bool, error) {
	const read = `select addresses, exchange from lookup_cache where match_kind = $1 and match_key = $2 and expires_at > $3`
	var encoded []byte
	var answer hubAnswer
	if known, err := pg.Scan(ctx, db, "read look-up cache", []any{&encoded, &answer.exchange}, read, int16(m.kind), m.key, now); err != nil || !known {
		return hubAnswer{}, false, err
	}
	var kept hubv1.SearchRecipientResponse
	if err := proto.Unmarshal(encoded, &kept); err != nil {
		return hubAnswer{}, false, fmt.Errorf("decode look-up cache: %w", err)
	}
	answer.addresses = kept.GetAddresses()
	return answer, true, nil
}

func writeCache(ctx context.Context, db pg.DBTX, m match, answer hubAnswer, until time.Time) error {
	const write = `
		insert into lookup_cache (match_kind, match_key, addresses, exchange, expires_at)
		values                   ($1,         $2,        $3,        $4,       $5)
		on conflict (match_kind, match_key) do update
		set    addresses = excluded.addresses, exchange = excluded.exchange, expires_at = excluded.expires_at
		where  lookup_cache.expires_at < excluded.expires_at`
	encoded, err := proto.Marshal(&hubv1.SearchRecipientResponse{Addresses: answer.addresses})
	if err != nil {
		return fmt.Errorf("encode look-up cache: %w", err)
	}
	return pg.Exec(ctx, db, "write look-up cache", write, int16(m.kind), m.key, encoded, answer.exchange, until)
}

func purgeCache(ctx context.Context, db pg.DBTX, now time.Time) error {
	return pg.Exec(ctx, db, "purge look-up cache", `delete from lookup_cache where expires_at <= $1`, now)
}

// readDueWork counts the overdue documents (up to 10,000), the seconds that the oldest has been overdue, the due addresses that
// the hub has not refused, and the refused ones.
func readDueWork(ctx context.Context, db pg.DBTX) (overdue, seconds, waiting, refused float64, err error) {
	const count = `
		select (select count(*) from (select from due_document where due_at < now() limit 10000) d)::float8,
		       coalesce((select extract(epoch from now() - min(due_at)) from due_document where due_at < now()), 0)::float8,
		       (select count(*) from due_address d join address a on a.address = d.address where a.state <> 'refused')::float8,
		       (select count(*) from address where state = 'refused' and given_up_at is null)::float8`
	_, err = pg.Scan(ctx, db, "observe due work", []any{&overdue, &seconds, &waiting, &refused}, count)
	return overdue, seconds, waiting, refused, err
}

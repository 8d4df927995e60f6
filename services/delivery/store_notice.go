package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

func (r round) args() pgx.NamedArgs {
	return pgx.NamedArgs{"id": r.id, "owner": r.owner, "attempt": r.attempt}
}

// insertArrival keeps documents for the next round.
func insertArrival(tx *journal.Tx, numbers []string, receivedAt time.Time) {
	const insert = `insert into notice_arrival (id, edoc_nums, received_at) values ($1, $2, $3)`
	tx.Later(fmt.Sprintf("announce %d documents", len(numbers)), insert, id.New(), numbers, receivedAt)
}

// claimRounds claims rounds that must be tried again, and makes new ones from what has arrived, unless the hook is left alone.
func (s *service) claimRounds(ctx context.Context, limit int) ([]round, error) {
	if left, err := pauseLeft(ctx, s.db, s.hook.name()); err != nil || left > 0 {
		return nil, err
	}
	const again = `
		with due as (
		  select id from notice_round
		  where  given_up_at is null and due_at <= now() and (lease_until is null or lease_until < now())
		  order  by received_at
		  limit  @limit
		  for update skip locked)
		update notice_round r
		set    lease_until = now() + @lease::interval, owner = @owner, attempt = r.attempt + 1
		from   due
		where  r.id = due.id
		returning r.id, r.edoc_nums, r.owner, r.attempt, r.reminder`
	rounds, err := work.Claim(ctx, s.db, again, work.Lease{Owner: s.replica, For: noticeLease, Limit: limit}, nil, scanRound)
	if err != nil || len(rounds) == limit {
		return rounds, err
	}
	gathered, err := s.gather(ctx, limit-len(rounds))
	return append(rounds, gathered...), err
}

// gather makes at most limit rounds from what has arrived, oldest first, and claims them. A round combines several arrivals if
// documents come one by one. An arrival is never longer than a round, so it always fits.
func (s *service) gather(ctx context.Context, limit int) ([]round, error) {
	const gathering = `
		with candidate as (
		  select id, sum(cardinality(edoc_nums)) over (order by id) as documents
		  from   (select id, edoc_nums from notice_arrival order by id limit @most) c),
		taken as (
		  delete from notice_arrival a
		  using  (select id from notice_arrival where id in (select id from candidate where documents <= @most)
		          order by id for update skip locked) t
		  where  a.id = t.id
		  returning a.id, a.edoc_nums, a.received_at),
		numbered as (
		  select number, received_at, (1 + (row_number() over (order by t.id, number) - 1) / @round::integer)::integer as part
		  from   taken t cross join unnest(t.edoc_nums) number)
		insert into notice_round (id, edoc_nums, received_at, due_at, lease_until, owner, attempt)
		select (@ids::uuid[])[part], array_agg(number order by number), min(received_at), now(), now() + @lease::interval, @owner, 1
		from   numbered
		group  by part
		order  by part
		returning id, edoc_nums, owner, attempt, reminder`
	ids := make([]uuid.UUID, limit)
	for i := range ids {
		ids[i] = id.New()
	}
	return work.Claim(ctx, s.db, gathering, work.Lease{Owner: s.replica, For: noticeLease, Limit: limit},
		pgx.NamedArgs{"ids": ids, "round": maxRound, "most": limit * maxRound}, scanRound)
}

func scanRound(c pgx.CollectableRow) (r round, err error) {
	return r, c.Scan(&r.id, &r.numbers, &r.owner, &r.attempt, &r.reminder)
}

// untold reads the documents that still need a notice: not those that were read or are to be cancelled.
func untold(ctx context.Context, db pg.DBTX, numbers []string) ([]document, error) {
	const read = `
		select d.edoc_num, d.lane, d.sender, d.facts
		from   unnest($1::text[]) n join delivery d on d.edoc_num = n
		where  d.received_at is not null and d.read_at is null and d.cancel_commit_id is null
		order  by d.recipient, d.edoc_num`
	return pg.All(ctx, db, fmt.Sprintf("read %d documents to be told of", len(numbers)), func(c pgx.CollectableRow) (document, error) {
		d := document{facts: &platformv1.DocumentFacts{}}
		var lane int16
		var raw []byte
		if err := c.Scan(&d.number, &lane, &d.sender, &raw); err != nil {
			return document{}, err
		}
		d.lane = platformv1.Lane(lane)
		return d, proto.Unmarshal(raw, d.facts)
	}, read, numbers)
}

// endRound removes a round whose claim is still ours.
func endRound(ctx context.Context, db pg.DBTX, r round) error {
	return work.Settle(ctx, db, `delete from notice_round where id = @id and owner = @owner and attempt = @attempt and given_up_at is null`, r.args())
}

// putOff keeps a round that failed for later.
func putOff(ctx context.Context, db pg.DBTX, r round, reason string, delay time.Duration) error {
	args := r.args()
	args["reason"], args["delay"] = reason, delay
	return work.Settle(ctx, db, `
		update notice_round set due_at = now() + @delay::interval, lease_until = null, last_error = @reason
		where id = @id and owner = @owner and attempt = @attempt and given_up_at is null`, args)
}

// markGivenUp ends a round that is not tried again and keeps its documents for a person to see.
func markGivenUp(ctx context.Context, db pg.DBTX, r round, told []document, reason string) error {
	args := r.args()
	args["reason"], args["numbers"] = reason, numbersOf(told)
	return work.Settle(ctx, db, `
		update notice_round set given_up_at = now(), edoc_nums = @numbers, lease_until = null, last_error = @reason
		where id = @id and owner = @owner and attempt = @attempt and given_up_at is null`, args)
}

// splitRound replaces a round whose content was refused by one round for each recipient, so that the refused content does not
// hold up the others. The refusal does not count as an attempt.
func splitRound(ctx context.Context, tx pg.DBTX, r round, byRecipient [][]document, reason string) error {
	const insert = `
		insert into notice_round (id, edoc_nums, received_at, due_at, attempt, last_error, reminder)
		values ($1, $2, $3, now(), $4, $5, $6)`
	if err := endRound(ctx, tx, r); err != nil {
		return err
	}
	for _, documents := range byRecipient {
		if _, err := tx.Exec(ctx, insert, id.New(), numbersOf(documents), documents[0].facts.GetReceivedAt().AsTime(), r.attempt-1, reason,
			r.reminder); err != nil {
			return fmt.Errorf("split a round of notices: %w", err)
		}
	}
	return nil
}

// noticeAge is the age of the oldest document whose recipient has not been told; it reads one row of each table.
func noticeAge(ctx context.Context, db pg.DBTX) (time.Duration, error) {
	const age = `
		select coalesce(extract(epoch from now() - least(
		         (select received_at from notice_arrival order by id limit 1),
		         (select received_at from notice_round where given_up_at is null order by received_at limit 1))), 0)::float8`
	var seconds float64
	if err := db.QueryRow(ctx, age).Scan(&seconds); err != nil {
		return 0, fmt.Errorf("read the age of the oldest notice: %w", err)
	}
	return max(0, time.Duration(seconds*float64(time.Second))), nil
}

// keepPause keeps how long a hook is left alone; a longer pause of before stays.
func keepPause(ctx context.Context, db pg.DBTX, hook []byte, wait time.Duration, reason string) error {
	return pg.Exec(ctx, db, "pause notices", `
		insert into notice_pause as p (hook, paused_until, reason) values ($1, now() + $2::interval, $3)
		on conflict (hook) do update set paused_until = greatest(p.paused_until, excluded.paused_until), reason = excluded.reason`,
		hook, wait, reason)
}

// pauseLeft is how long a hook is still to be left alone; 0 when it may be called.
func pauseLeft(ctx context.Context, db pg.DBTX, hook []byte) (time.Duration, error) {
	var seconds float64
	_, err := pg.Scan(ctx, db, "read the pause of notices", []any{&seconds}, `
		select extract(epoch from paused_until - now())::float8 from notice_pause where hook = $1 and paused_until > now()`, hook)
	return time.Duration(seconds * float64(time.Second)), err
}

package delivery

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// rows are documents as columns for unnest.
type rows struct {
	numbers, states, senders, recipients []string
	lanes                                []int16
	outdated                             []int32
	deadlines, viewingDeadlines, stamps  []*time.Time
	facts                                [][]byte
	frames                               []uuid.UUID
}

// moved is a time stated by another unit, and the frame that states it.
type moved struct {
	at    time.Time
	frame uuid.UUID
}

func rowsOf(documents []document) (rows, error) {
	var r rows
	for _, d := range documents {
		r.numbers = append(r.numbers, d.number)
		r.states = append(r.states, string(d.state))
		r.senders = append(r.senders, d.sender)
		r.frames = append(r.frames, d.frame)
		r.lanes = append(r.lanes, journal.LaneNumber(d.lane))
		r.outdated = append(r.outdated, d.outdatedOrdinal())
		r.recipients = append(r.recipients, d.facts.GetRecipient())
		r.deadlines = append(r.deadlines, moment(d.facts.GetSendDeadline()))
		r.viewingDeadlines = append(r.viewingDeadlines, moment(d.facts.GetViewingDeadline()))
		r.stamps = append(r.stamps, moment(d.facts.GetReceivedAt()))
		var facts []byte
		if d.state == Delivered {
			var err error
			if facts, err = (proto.MarshalOptions{Deterministic: true}).Marshal(d.facts); err != nil {
				return rows{}, fmt.Errorf("encode facts of %s: %w", d.number, err)
			}
		}
		r.facts = append(r.facts, facts)
	}
	return r, nil
}

type timestamp interface {
	IsValid() bool
	AsTime() time.Time
}

func moment(t timestamp) *time.Time {
	if !t.IsValid() {
		return nil
	}
	at := t.AsTime()
	return &at
}

// advance moves the documents to the decided states, if their rows allow it, and returns those whose state changed, by their new
// state. One statement writes all of them, so that rows are locked and inserted once in the order of their numbers. A document
// with a requested cancel is cancelled instead of delivered, expired or sought anew. One that waits already changes by being
// outdated, once for each resolution. A resolution that comes after the deposit it led to changes nothing.
func advance(ctx context.Context, tx *journal.Tx, documents []document, now time.Time) (map[State][]document, error) {
	const upsert = `
		insert into delivery as d (edoc_num, state, lane, sender, send_deadline, recipient, facts, sent_at, received_at, viewing_deadline, changed_at,
		                           commit_id, frame_id, outdated)
		select edoc_num, state, lane, sender, send_deadline, nullif(recipient, ''), facts, stamped, stamped, viewing_deadline, $10, $11, frame_id, outdated
		from   unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::timestamptz[], $6::text[], $7::bytea[], $8::timestamptz[], $9::timestamptz[],
		              $12::uuid[], $13::integer[])
		       u(edoc_num, state, lane, sender, send_deadline, recipient, facts, stamped, viewing_deadline, frame_id, outdated)
		order  by edoc_num collate "C"
		on conflict (edoc_num) do update
		set    state = case when d.state = 'CANCELLING' and (excluded.state in ('DELIVERED', 'DEPOSITING', 'EXPIRED', 'FAILED') or excluded.outdated > 0)
		                         then 'CANCELLED'
		                    when d.state = 'CANCELLING' and excluded.state = 'WAITING' then 'CANCELLING'
		                    else excluded.state end,
		       send_deadline = coalesce(excluded.send_deadline, d.send_deadline),
		       recipient = case when d.state <> 'CANCELLING' then excluded.recipient end,
		       facts = case when d.state <> 'CANCELLING' then excluded.facts end,
		       sent_at = case when d.state <> 'CANCELLING' then excluded.sent_at end,
		       received_at = case when d.state <> 'CANCELLING' then excluded.received_at end,
		       viewing_deadline = excluded.viewing_deadline,
		       changed_at = excluded.changed_at,
		       commit_id = excluded.commit_id,
		       frame_id = excluded.frame_id,
		       outdated = greatest(d.outdated, excluded.outdated)
		where  d.state in ('WAITING', 'CANCELLING', 'DEPOSITING')
		  and  not (d.state in ('WAITING', 'DEPOSITING') and excluded.state = 'WAITING' and excluded.outdated <= d.outdated)
		  and  not (d.state = 'DEPOSITING' and excluded.state = 'DEPOSITING')
		returning edoc_num, state`
	r, err := rowsOf(documents)
	if err != nil {
		return nil, err
	}
	byNumber := make(map[string]document, len(documents))
	for _, d := range documents {
		byNumber[d.number] = d
	}
	changed := map[State][]document{}
	var number, state string
	if err := pg.Each(ctx, tx, fmt.Sprintf("advance %d deliveries", len(documents)), []any{&number, &state}, func() error {
		changed[State(state)] = append(changed[State(state)], byNumber[number])
		return nil
	}, upsert, r.numbers, r.states, r.lanes, r.senders, r.deadlines, r.recipients, r.facts, r.stamps, r.viewingDeadlines, now,
		tx.CommitID(), r.frames, r.outdated); err != nil {
		return nil, err
	}
	return changed, nil
}

// requestCancel notes a cancel for documents that are still undecided. It returns, by their state, those that it decided: they
// are cancelled because nobody else decides about them any more, or were already received.
func requestCancel(ctx context.Context, tx *journal.Tx, requests []document, now time.Time) (map[State][]document, error) {
	const request = `
		insert into delivery as d (edoc_num, state, lane, sender, changed_at, commit_id, frame_id, cancel_commit_id)
		select edoc_num, 'CANCELLING', lane, sender, $4, $5, frame_id, $5
		from   unnest($1::text[], $2::smallint[], $3::text[], $6::uuid[]) u(edoc_num, lane, sender, frame_id)
		order  by edoc_num collate "C"
		on conflict (edoc_num) do update
		set    state = case d.state when 'WAITING' then 'CANCELLING' when 'DEPOSITING' then 'CANCELLED' else d.state end,
		       commit_id = case when d.state in ('WAITING', 'DEPOSITING') then excluded.commit_id else d.commit_id end,
		       frame_id = case when d.state in ('WAITING', 'DEPOSITING') then excluded.frame_id else d.frame_id end,
		       cancel_commit_id = excluded.cancel_commit_id,
		       changed_at = excluded.changed_at
		where  d.state in ('WAITING', 'DEPOSITING') or (d.state = 'DELIVERED' and d.cancel_commit_id is null)
		returning edoc_num, state`
	byNumber := map[string]document{}
	for _, d := range requests {
		byNumber[d.number] = d
	}
	r, err := rowsOf(requests)
	if err != nil {
		return nil, err
	}
	changed := map[State][]document{}
	var number, state string
	if err := pg.Each(ctx, tx, fmt.Sprintf("request cancel of %d deliveries", len(requests)), []any{&number, &state}, func() error {
		changed[State(state)] = append(changed[State(state)], byNumber[number])
		return nil
	}, request, r.numbers, r.lanes, r.senders, now, tx.CommitID(), r.frames); err != nil {
		return nil, err
	}
	return changed, nil
}

// closeCancelled takes over address's decision.
func closeCancelled(ctx context.Context, tx *journal.Tx, cancelled []document, now time.Time) error {
	const closing = `
		insert into delivery as d (edoc_num, state, lane, sender, changed_at, commit_id, frame_id)
		select edoc_num, 'CANCELLED', lane, sender, $4, $5, frame_id
		from   unnest($1::text[], $2::smallint[], $3::text[], $6::uuid[]) u(edoc_num, lane, sender, frame_id)
		order  by edoc_num collate "C"
		on conflict (edoc_num) do update
		set    state = 'CANCELLED', changed_at = excluded.changed_at, commit_id = excluded.commit_id, frame_id = excluded.frame_id
		where  d.state in ('WAITING', 'CANCELLING', 'DEPOSITING')`
	r, err := rowsOf(cancelled)
	if err != nil {
		return err
	}
	return pg.Exec(ctx, tx, fmt.Sprintf("close %d cancelled deliveries", len(cancelled)), closing, r.numbers, r.lanes, r.senders, now, tx.CommitID(), r.frames)
}

// end closes up to limit waiting deliveries whose deadline is before expiry. Those with a requested cancel are cancelled: address
// would have decided that, but it does not after it has ended its search.
func end(ctx context.Context, tx *journal.Tx, expiry, now time.Time, limit int) ([]document, error) {
	const update = `
		with due as (
		  select edoc_num from delivery
		  where  state in ('WAITING', 'CANCELLING', 'DEPOSITING') and send_deadline < $4
		  order  by send_deadline, edoc_num
		  limit  $2
		  for update skip locked)
		update delivery d
		set    state = case when d.state = 'CANCELLING' then 'CANCELLED' else 'EXPIRED' end, changed_at = $1, commit_id = $3, frame_id = null
		from   due
		where  d.edoc_num = due.edoc_num
		returning d.edoc_num, d.state, d.lane, d.sender`
	return pg.All(ctx, tx, "end deliveries", func(c pgx.CollectableRow) (document, error) {
		var d document
		var lane int16
		err := c.Scan(&d.number, &d.state, &lane, &d.sender)
		d.lane = platformv1.Lane(lane)
		return d, err
	}, update, now, limit, tx.CommitID(), expiry)
}

// markRead stores read times; the first one stays. It returns which documents are in an inbox here.
func markRead(ctx context.Context, tx pg.DBTX, read map[string]moved) (map[string]bool, error) {
	const mark = `
		update delivery d
		set    read_at = coalesce(d.read_at, u.read_at), read_frame_id = coalesce(d.read_frame_id, u.frame_id)
		from   (select o.edoc_num, r.read_at, r.frame_id
		        from   delivery o join unnest($1::text[], $2::timestamptz[], $3::uuid[]) r(edoc_num, read_at, frame_id) using (edoc_num)
		        where o.received_at is not null order by o.edoc_num for update of o) u
		where  d.edoc_num = u.edoc_num
		returning d.edoc_num`
	numbers := slices.Sorted(maps.Keys(read))
	times, frames := make([]time.Time, len(numbers)), make([]uuid.UUID, len(numbers))
	for i, number := range numbers {
		times[i], frames[i] = read[number].at, read[number].frame
	}
	return pg.Set[string](ctx, tx, fmt.Sprintf("mark %d documents as read", len(numbers)), mark, numbers, times, frames)
}

// readReceived reads the facts of a received document, and the commit that states them.
func readReceived(ctx context.Context, db pg.DBTX, number string) (*platformv1.DocumentFacts, uuid.UUID, error) {
	var state string
	var raw []byte
	var commit uuid.UUID
	const read = `select state, facts, commit_id from delivery where edoc_num = $1`
	if _, err := pg.Scan(ctx, db, "read delivery "+number, []any{&state, &raw, &commit}, read, number); err != nil {
		return nil, uuid.Nil, err
	}
	if State(state) != Delivered {
		return nil, uuid.Nil, itemNotFound()
	}
	var facts platformv1.DocumentFacts
	if err := proto.Unmarshal(raw, &facts); err != nil {
		return nil, uuid.Nil, fmt.Errorf("decode facts of %s: %w", number, err)
	}
	return &facts, commit, nil
}

// readState reads where a delivery stands; empty for one that is not here.
func readState(ctx context.Context, db pg.DBTX, number string) (State, error) {
	var state string
	_, err := pg.Scan(ctx, db, "read the state of delivery "+number, []any{&state}, `select state from delivery where edoc_num = $1`, number)
	return State(state), err
}

// item is a document in an inbox.
type item struct {
	number     string
	receivedAt time.Time
	// facts are nil where they cannot be read any more.
	facts  *platformv1.DocumentFacts
	readAt *time.Time
}

// place is where a page of the inbox goes on.
type place struct {
	ReceivedAt time.Time `json:"t"`
	Number     string    `json:"n"`
}

// newest is where an inbox begins.
var newest = place{ReceivedAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}

func (i item) place() place {
	return place{ReceivedAt: i.receivedAt, Number: i.number}
}

const itemColumns = `select edoc_num, received_at, facts, read_at from delivery where recipient = $1 and state = 'DELIVERED'`

// listInbox lists a recipient's documents after a position, newest first.
func listInbox(ctx context.Context, db pg.DBTX, recipient string, unread bool, after place, limit int) ([]item, error) {
	return pg.All(ctx, db, "list an inbox", scanItem, itemColumns+`
		  and (received_at, edoc_num) < ($2, $3) and (not $4 or read_at is null)
		order by received_at desc, edoc_num desc
		limit $5`, recipient, after.ReceivedAt, after.Number, unread, limit)
}

func readItem(ctx context.Context, db pg.DBTX, recipient, number string) (item, error) {
	one, known, err := pg.Find(ctx, db, "read an inbox item", scanItem, itemColumns+` and edoc_num = $2`, recipient, number)
	if err == nil && !known {
		err = itemNotFound()
	}
	return one, err
}

func scanItem(c pgx.CollectableRow) (item, error) {
	var raw []byte
	var one item
	if err := c.Scan(&one.number, &one.receivedAt, &raw, &one.readAt); err != nil {
		return item{}, err
	}
	one.receivedAt = one.receivedAt.UTC()
	var facts platformv1.DocumentFacts
	if proto.Unmarshal(raw, &facts) == nil {
		one.facts = &facts
	}
	return one, nil
}

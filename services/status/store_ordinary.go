package status

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/pg"
)

// The ordinary path: facts that happen to a document once. They have no entries, but columns of the summary, which the first
// event that contains them fills. A row that has them already is not written again. Facts are sorted by number, each number once.

// mergeOrdinary runs a statement of this file and returns how many summaries it changed.
func mergeOrdinary(ctx context.Context, db pg.DBTX, sql string, k kind, now time.Time, facts []fact, args ...any) (int64, error) {
	numbers, senders, occurred := make([]string, len(facts)), make([]uuid.UUID, len(facts)), make([]time.Time, len(facts))
	frames := make([]uuid.UUID, len(facts))
	for i, f := range facts {
		numbers[i], senders[i], occurred[i], frames[i] = f.number, f.sender, f.occurredAt, f.frame
	}
	tag, err := db.Exec(ctx, sql, append([]any{numbers, senders, occurred, now, frames}, args...)...)
	if err != nil {
		return 0, fmt.Errorf("merge %d facts of kind %d: %w", len(facts), k, err)
	}
	return tag.RowsAffected(), nil
}

// documentColumns are the document's own facts, which acceptance and receipt both contain.
type documentColumns struct {
	actors, keys                     []string
	repeats, batches                 []*string
	accepted, sendUntil, viewedUntil []*time.Time
}

func documentsOf(facts []fact) documentColumns {
	var c documentColumns
	for _, f := range facts {
		d := f.document
		c.actors, c.keys, c.repeats = append(c.actors, d.GetActor()), append(c.keys, d.GetOwnKey()), append(c.repeats, text(d.GetRepeats()))
		c.batches = append(c.batches, text(d.GetBatch()))
		c.accepted, c.sendUntil = append(c.accepted, stamp(d.GetAcceptedAt())), append(c.sendUntil, stamp(d.GetSendDeadline()))
		c.viewedUntil = append(c.viewedUntil, stamp(d.GetViewingDeadline()))
	}
	return c
}

// mergeAccepted records acceptances. If a later fact has brought one already, only its recording time is new.
func mergeAccepted(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s
		       (edoc_num, sender, frame_id, accepted_at, accepted_recorded_at, actor, own_key, repeats, batch, send_deadline, viewing_deadline)
		select edoc_num, sender, frame_id, accepted_at, $4, actor, own_key, repeats, batch, send_deadline, viewing_deadline
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[],
		              $10::timestamptz[], $11::timestamptz[])
		       u(edoc_num, sender, accepted_at, frame_id, actor, own_key, repeats, batch, send_deadline, viewing_deadline)
		on conflict (edoc_num) do update
		set    frame_id             = excluded.frame_id,
		       accepted_at          = coalesce(s.accepted_at, excluded.accepted_at),
		       accepted_recorded_at = excluded.accepted_recorded_at,
		       actor                = coalesce(s.actor, excluded.actor),
		       own_key              = coalesce(s.own_key, excluded.own_key),
		       repeats              = coalesce(s.repeats, excluded.repeats),
		       batch                = coalesce(s.batch, excluded.batch),
		       send_deadline        = coalesce(s.send_deadline, excluded.send_deadline),
		       viewing_deadline     = coalesce(s.viewing_deadline, excluded.viewing_deadline)
		where  s.accepted_recorded_at is null`
	c := documentsOf(facts)
	return mergeOrdinary(ctx, db, merge, k, now, facts, c.actors, c.keys, c.repeats, c.batches, c.sendUntil, c.viewedUntil)
}

// mergeReceived records receipts, with the resolution they answer and the sent time, which is the same moment.
func mergeReceived(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s
		       (edoc_num, sender, frame_id, received_at, received_recorded_at, actor, own_key, repeats, batch, accepted_at, send_deadline,
		        viewing_deadline, resolved_at, sent_at, recipient_address)
		select edoc_num, sender, frame_id, received_at, $4, actor, own_key, repeats, batch, accepted_at, send_deadline, viewing_deadline,
		       resolved_at, sent_at, recipient_address
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[], $10::timestamptz[],
		              $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[])
		       u(edoc_num, sender, received_at, frame_id, actor, own_key, repeats, batch, accepted_at, send_deadline, viewing_deadline,
		         resolved_at, sent_at, recipient_address)
		on conflict (edoc_num) do update
		set    frame_id             = excluded.frame_id,
		       received_at          = excluded.received_at,
		       received_recorded_at = excluded.received_recorded_at,
		       actor                = coalesce(s.actor, excluded.actor),
		       own_key              = coalesce(s.own_key, excluded.own_key),
		       repeats              = coalesce(s.repeats, excluded.repeats),
		       batch                = coalesce(s.batch, excluded.batch),
		       accepted_at          = coalesce(s.accepted_at, excluded.accepted_at),
		       send_deadline        = coalesce(s.send_deadline, excluded.send_deadline),
		       viewing_deadline     = coalesce(s.viewing_deadline, excluded.viewing_deadline),
		       resolved_at          = excluded.resolved_at,
		       sent_at              = excluded.sent_at,
		       recipient_address    = excluded.recipient_address
		where  s.received_at is null`
	c := documentsOf(facts)
	resolved, sent, addresses := make([]*time.Time, len(facts)), make([]*time.Time, len(facts)), make([]*string, len(facts))
	for i, f := range facts {
		// The sender learns the recipient's address only after receipt (Act 18-6).
		resolved[i], sent[i], addresses[i] = instant(f.resolvedAt), stamp(f.document.GetSentAt()), text(f.document.GetTo().GetAddress())
	}
	return mergeOrdinary(ctx, db, merge, k, now, facts, c.actors, c.keys, c.repeats, c.batches, c.accepted, c.sendUntil, c.viewedUntil, resolved, sent, addresses)
}

// mergeNotices records that recipients were notified.
func mergeNotices(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s (edoc_num, sender, frame_id, notice_given_at, notice_recorded_at)
		select edoc_num, sender, frame_id, given_at, $4
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[]) u(edoc_num, sender, given_at, frame_id)
		on conflict (edoc_num) do update
		set    frame_id = excluded.frame_id, notice_given_at = excluded.notice_given_at, notice_recorded_at = excluded.notice_recorded_at
		where  s.notice_given_at is null`
	return mergeOrdinary(ctx, db, merge, k, now, facts)
}

// mergeReadings records readings.
func mergeReadings(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s (edoc_num, sender, frame_id, read_at, read_recorded_at, read_actor, read_viewing_system, read_log_digest)
		select edoc_num, sender, frame_id, read_at, $4, actor, viewing_system, log_digest
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::text[])
		       u(edoc_num, sender, read_at, frame_id, actor, viewing_system, log_digest)
		on conflict (edoc_num) do update
		set    frame_id = excluded.frame_id, read_at = excluded.read_at, read_recorded_at = excluded.read_recorded_at, read_actor = excluded.read_actor,
		       read_viewing_system = excluded.read_viewing_system, read_log_digest = excluded.read_log_digest
		where  s.read_at is null`
	actors, systems, digests := make([]string, len(facts)), make([]*string, len(facts)), make([]*string, len(facts))
	for i, f := range facts {
		actors[i], systems[i], digests[i] = f.actor, text(f.details["viewingSystem"]), text(f.details["logDigest"])
	}
	return mergeOrdinary(ctx, db, merge, k, now, facts, actors, systems, digests)
}

// mergeRegistrations records registrations at the hub.
func mergeRegistrations(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s
		       (edoc_num, sender, frame_id, registration_stated_at, registration_recorded_at, registered_at, registration_result, registration_exchange)
		select edoc_num, sender, frame_id, stated_at, $4, registered_at, result, exchange
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[], $6::timestamptz[], $7::smallint[], $8::text[])
		       u(edoc_num, sender, stated_at, frame_id, registered_at, result, exchange)
		on conflict (edoc_num) do update
		set    frame_id = excluded.frame_id, registration_stated_at = excluded.registration_stated_at, registration_recorded_at = excluded.registration_recorded_at,
		       registered_at = excluded.registered_at, registration_result = excluded.registration_result,
		       registration_exchange = excluded.registration_exchange
		where  s.registration_recorded_at is null`
	return mergeAnswers(ctx, db, merge, k, now, facts)
}

// mergeReadTimes records read times registered at the hub.
func mergeReadTimes(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		insert into document_summary as s
		       (edoc_num, sender, frame_id, read_time_stated_at, read_time_recorded_at, read_time_registered_at, read_time_result, read_time_exchange)
		select edoc_num, sender, frame_id, stated_at, $4, registered_at, result, exchange
		from   unnest($1::text[], $2::uuid[], $3::timestamptz[], $5::uuid[], $6::timestamptz[], $7::smallint[], $8::text[])
		       u(edoc_num, sender, stated_at, frame_id, registered_at, result, exchange)
		on conflict (edoc_num) do update
		set    frame_id = excluded.frame_id, read_time_stated_at = excluded.read_time_stated_at, read_time_recorded_at = excluded.read_time_recorded_at,
		       read_time_registered_at = excluded.read_time_registered_at, read_time_result = excluded.read_time_result,
		       read_time_exchange = excluded.read_time_exchange
		where  s.read_time_recorded_at is null`
	return mergeAnswers(ctx, db, merge, k, now, facts)
}

func mergeAnswers(ctx context.Context, db pg.DBTX, sql string, k kind, now time.Time, facts []fact) (int64, error) {
	acknowledged, results, exchanges := make([]*time.Time, len(facts)), make([]int16, len(facts)), make([]*string, len(facts))
	for i, f := range facts {
		acknowledged[i], results[i], exchanges[i] = instant(f.acknowledgedAt), f.result, text(f.details["exchange"])
	}
	return mergeOrdinary(ctx, db, sql, k, now, facts, acknowledged, results, exchanges)
}

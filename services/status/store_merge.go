package status

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/pg"
)

// Every statement of this file takes facts of one kind as the relation told, sorted by number, each number once. It inserts their
// entries, and merges only new ones into the summaries. Facts of the ordinary path have no entries (store_ordinary.go).

// newEntries inserts the entries of told. $1 is the kind, $2 the present.
const newEntries = `
		new as (
		  insert into timeline_entry (edoc_num, kind, ordinal, occurred_at, recorded_at, acknowledged_at, actor, details, frame_id)
		  select edoc_num, $1, ordinal, occurred_at, $2, acknowledged_at, actor, details::jsonb, frame_id
		  from   told
		  order  by edoc_num, ordinal
		  on conflict do nothing
		  returning edoc_num, ordinal)`

// entryColumns are the columns of a fact that every statement gets, from $3 on.
type entryColumns struct {
	numbers      []string
	ordinals     []int32
	occurred     []time.Time
	acknowledged []*time.Time
	actors       []string
	details      []*string
	senders      []uuid.UUID
	frames       []uuid.UUID
}

func entriesOf(facts []fact) (entryColumns, error) {
	c := entryColumns{
		numbers: make([]string, len(facts)), ordinals: make([]int32, len(facts)), occurred: make([]time.Time, len(facts)),
		acknowledged: make([]*time.Time, len(facts)), actors: make([]string, len(facts)), details: make([]*string, len(facts)),
		senders: make([]uuid.UUID, len(facts)), frames: make([]uuid.UUID, len(facts)),
	}
	for i, f := range facts {
		c.numbers[i], c.ordinals[i], c.occurred[i], c.actors[i], c.senders[i], c.frames[i] = f.number, f.ordinal, f.occurredAt, f.actor, f.sender, f.frame
		c.acknowledged[i] = instant(f.acknowledgedAt)
		if len(f.details) == 0 {
			continue
		}
		raw, err := json.Marshal(f.details)
		if err != nil {
			return entryColumns{}, fmt.Errorf("encode details of %s: %w", f.number, err)
		}
		text := string(raw)
		c.details[i] = &text
	}
	return c, nil
}

// run runs a statement of this file with its own arguments after the common ones.
func run(ctx context.Context, db pg.DBTX, sql string, k kind, now time.Time, facts []fact, args ...any) (int64, error) {
	c, err := entriesOf(facts)
	if err != nil {
		return 0, err
	}
	all := append([]any{int16(k), now, c.numbers, c.ordinals, c.occurred, c.acknowledged, c.actors, c.details, c.senders, c.frames}, args...)
	var fresh int64
	if err := db.QueryRow(ctx, sql, all...).Scan(&fresh); err != nil {
		return 0, fmt.Errorf("record %d facts of kind %d: %w", len(facts), k, err)
	}
	return fresh, nil
}

// insertEntries records facts that change no summary.
func insertEntries(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const insert = `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id)),` + newEntries + `
		select count(*) from new`
	return run(ctx, db, insert, k, now, facts)
}

// mergeResolutions records outcomes of the search for the recipient; the one with the highest ordinal counts.
func mergeResolutions(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::smallint[],
		                       $12::boolean[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id, resolution, depositing)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, resolution, resolution_ordinal, depositing)
		  select t.edoc_num, t.sender, t.frame_id, t.resolution, t.ordinal, t.depositing
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id = excluded.frame_id, resolution = excluded.resolution, resolution_ordinal = excluded.resolution_ordinal,
		         depositing = excluded.depositing
		  where  excluded.resolution_ordinal > s.resolution_ordinal)
		select count(*) from new`
	return run(ctx, db, merge, k, now, facts,
		pg.Column(facts, func(f fact) int16 { return f.resolution }), pg.Column(facts, func(f fact) bool { return f.depositing }))
}

// mergeEnds records facts that end a document before its receipt, and cancels that came too late.
func mergeEnds(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[],
		                       $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::text[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id,
		         expired_at, failed_at, cancelled_at, cancel_refused_at, failure_reason)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, expired_at, failed_at, failure_reason, cancelled_at, cancel_refused_at)
		  select t.edoc_num, t.sender, t.frame_id, t.expired_at, t.failed_at, t.failure_reason, t.cancelled_at, t.cancel_refused_at
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id          = excluded.frame_id,
		         expired_at        = least(s.expired_at, excluded.expired_at),
		         failed_at         = least(s.failed_at, excluded.failed_at),
		         failure_reason    = case when s.failed_at is null or (excluded.failed_at, excluded.failure_reason) < (s.failed_at, s.failure_reason)
		                                  then excluded.failure_reason else s.failure_reason end,
		         cancelled_at      = least(s.cancelled_at, excluded.cancelled_at),
		         cancel_refused_at = least(s.cancel_refused_at, excluded.cancel_refused_at))
		select count(*) from new`
	if err := insertAnswered(ctx, db, now, facts); err != nil {
		return 0, err
	}
	n := len(facts)
	expired, failed, cancelled, refused := make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n), make([]*time.Time, n)
	reasons := make([]*string, n)
	for i, f := range facts {
		when := instant(f.occurredAt)
		switch k {
		case deliveryExpired:
			expired[i] = when
		case deliveryFailed:
			failed[i], reasons[i] = when, &f.reason
		case cancelRefused:
			refused[i] = when
		default:
			cancelled[i] = when
		}
	}
	return run(ctx, db, merge, k, now, facts, expired, failed, cancelled, refused, reasons)
}

// insertAnswered adds the entry that the recipient was found here, for ends that answer such a resolution.
func insertAnswered(ctx context.Context, db pg.DBTX, now time.Time, ends []fact) error {
	var found []fact
	for _, f := range ends {
		if !f.resolvedAt.IsZero() {
			found = append(found, fact{sender: f.sender, frame: f.frame, entry: entry{kind: recipientResolved, number: f.number, ordinal: 1, occurredAt: f.resolvedAt,
				actor: ofUnit("address"), details: map[string]string{"resolution": "OWN"}}})
		}
	}
	if len(found) == 0 {
		return nil
	}
	_, err := insertEntries(ctx, db, recipientResolved, now, found)
	return err
}

// mergeTokens records tokens: the latest one, and its latest verification.
func mergeTokens(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, token_issued_at, tokens_issued, token_verified_at, tokens_verified)
		  select t.edoc_num, t.sender, t.frame_id,
		         case when $11 then t.occurred_at end, case when $11 then t.ordinal else 0 end,
		         case when not $11 then t.occurred_at end, case when not $11 then t.ordinal else 0 end
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id          = excluded.frame_id,
		         token_issued_at   = greatest(s.token_issued_at, excluded.token_issued_at),
		         tokens_issued     = greatest(s.tokens_issued, excluded.tokens_issued),
		         token_verified_at = greatest(s.token_verified_at, excluded.token_verified_at),
		         tokens_verified   = greatest(s.tokens_verified, excluded.tokens_verified))
		select count(*) from new`
	return run(ctx, db, merge, k, now, facts, k == tokenIssued)
}

// mergeInvitations records invitations of the recipient, the latest one and how many, and that there was no way to invite it.
func mergeInvitations(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const merge = `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, invited_at, invitations, unreachable_at)
		  select t.edoc_num, t.sender, t.frame_id,
		         case when $11 then t.occurred_at end, case when $11 then t.ordinal else 0 end, case when not $11 then t.occurred_at end
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id       = excluded.frame_id,
		         invited_at     = greatest(s.invited_at, excluded.invited_at),
		         invitations    = greatest(s.invitations, excluded.invitations),
		         unreachable_at = least(s.unreachable_at, excluded.unreachable_at))
		select count(*) from new`
	return run(ctx, db, merge, k, now, facts, k == recipientInvited)
}

// mergeRefusals records what the hub refused: of each call the refusal with the highest ordinal counts.
func mergeRefusals(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const (
		columns = `${call}_refused_at, ${call}_refused_result, ${call}_refused_ordinal, ${call}_refusal, ${call}_retried`
		told    = `
		         case when t.call = '${call}' then t.occurred_at end, case when t.call = '${call}' then t.result end,
		         case when t.call = '${call}' then t.ordinal else 0 end, case when t.call = '${call}' then t.refusal end,
		         t.call = '${call}' and t.retried`
		latest = `(` + columns + `) =
		         (select l.at, l.result, l.ordinal, l.refusal, l.retried
		          from   (values (s.${call}_refused_at, s.${call}_refused_result, s.${call}_refused_ordinal, s.${call}_refusal, s.${call}_retried),
		                         (excluded.${call}_refused_at, excluded.${call}_refused_result, excluded.${call}_refused_ordinal,
		                          excluded.${call}_refusal, excluded.${call}_retried)) l(at, result, ordinal, refusal, retried)
		          order  by l.ordinal desc
		          limit  1)`
	)
	merge := `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[],
		                       $11::smallint[], $12::text[], $13::text[], $14::boolean[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id, result, call, refusal, retried)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, ` + ofBothCalls(columns) + `)
		  select t.edoc_num, t.sender, t.frame_id, ` + ofBothCalls(told) + `
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id = excluded.frame_id, ` + ofBothCalls(latest) + `)
		select count(*) from new`
	results, calls, refusals, retries := make([]int16, len(facts)), make([]string, len(facts)), make([]string, len(facts)), make([]bool, len(facts))
	for i, f := range facts {
		results[i], calls[i], refusals[i], retries[i] = f.result, callColumns(f.readTime), f.reason, f.retried
	}
	return run(ctx, db, merge, k, now, facts, results, calls, refusals, retries)
}

// mergeGivenUp records which calls an operator gave up.
func mergeGivenUp(ctx context.Context, db pg.DBTX, k kind, now time.Time, facts []fact) (int64, error) {
	const (
		columns = `${call}_given_up`
		told    = `t.call = '${call}'`
		merged  = `${call}_given_up = s.${call}_given_up or excluded.${call}_given_up`
	)
	merge := `
		with told as (
		  select * from unnest($3::text[], $4::integer[], $5::timestamptz[], $6::timestamptz[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::text[])
		       u(edoc_num, ordinal, occurred_at, acknowledged_at, actor, details, sender, frame_id, call)),` + newEntries + `,
		merged as (
		  insert into document_summary as s (edoc_num, sender, frame_id, ` + ofBothCalls(columns) + `)
		  select t.edoc_num, t.sender, t.frame_id, ` + ofBothCalls(told) + `
		  from   told t join new using (edoc_num, ordinal)
		  order  by t.edoc_num
		  on conflict (edoc_num) do update
		  set    frame_id = excluded.frame_id, ` + ofBothCalls(merged) + `)
		select count(*) from new`
	calls := make([]string, len(facts))
	for i, f := range facts {
		calls[i] = callColumns(f.readTime)
	}
	return run(ctx, db, merge, k, now, facts, calls)
}

// ofBothCalls is a list for the columns of the one call, and of the other.
func ofBothCalls(list string) string {
	return strings.ReplaceAll(list, "${call}", callColumns(false)) + ", " + strings.ReplaceAll(list, "${call}", callColumns(true))
}

// callColumns is how the names of a call's columns begin.
func callColumns(readTime bool) string { return strings.ToLower(callName(readTime)) }

// text is null for an empty string.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func stamp(t *timestamppb.Timestamp) *time.Time {
	if !t.IsValid() {
		return nil
	}
	at := t.AsTime()
	return &at
}

package status

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// insertTimeline keeps the entries (of one kind, sorted) and tells which were new.
func insertTimeline(ctx context.Context, db pg.DBTX, entries []entry, now time.Time) (map[identity]bool, error) {
	const insert = `
		insert into timeline_entry (edoc_num, kind, ordinal, sender, actor, occurred_at, recorded_at, acknowledged_at, details)
		select edoc_num, $1, ordinal, sender, actor, occurred_at, $2, acknowledged_at, details
		from   unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $9::jsonb[])
		       u(edoc_num, ordinal, sender, actor, occurred_at, acknowledged_at, details)
		on conflict do nothing
		returning edoc_num, ordinal`
	if len(entries) == 0 {
		return nil, nil
	}
	var numbers, senders, actors []string
	var ordinals []int32
	var occurred []time.Time
	var acknowledged []*time.Time
	var details [][]byte
	for _, e := range entries {
		raw := []byte("{}")
		if len(e.fact.details) > 0 {
			var err error
			if raw, err = json.Marshal(e.fact.details); err != nil {
				return nil, fmt.Errorf("encode details of %s: %w", e.number, err)
			}
		}
		numbers, senders, actors, ordinals = append(numbers, e.number), append(senders, e.sender), append(actors, e.actor), append(ordinals, int32(e.ordinal))
		occurred, acknowledged, details = append(occurred, e.occurredAt), append(acknowledged, e.fact.acknowledgedAt), append(details, raw)
	}
	rows, err := db.Query(ctx, insert, entries[0].kind, now, numbers, ordinals, senders, actors, occurred, acknowledged, details)
	if err != nil {
		return nil, fmt.Errorf("insert %d timeline entries: %w", len(entries), err)
	}
	fresh := make(map[identity]bool, len(entries))
	var one identity
	if _, err := pgx.ForEachRow(rows, []any{&one.number, &one.ordinal}, func() error { fresh[one] = true; return nil }); err != nil {
		return nil, fmt.Errorf("insert %d timeline entries: %w", len(entries), err)
	}
	return fresh, nil
}

// summaryColumns in the order of patchArgs and scanSummary.
const summaryColumns = `edoc_num, sender, actor, own_key, lane, accepted_at, send_deadline, viewing_deadline, repeats, resolution, resolution_ordinal,
	sent_at, received_at, recipient_address, token_issued_at, token_verified_at, read_at, final_state, final_reason, cancel_refused,
	registration_result, registered_at, refused_result, refused_ordinal, read_result, read_registered_at, read_refused_result, read_refused_ordinal, version`

// mergeSummaries merges patches (one per document, sorted) into the summaries.
func mergeSummaries(ctx context.Context, db pg.DBTX, patches []patch) error {
	const upsert = `
		insert into document_summary as d (` + summaryColumns + `)
		select ` + summaryColumns + `
		from   unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[], $9::text[],
		              $10::smallint[], $11::integer[], $12::timestamptz[], $13::timestamptz[], $14::text[], $15::timestamptz[], $16::timestamptz[], $17::timestamptz[],
		              $18::smallint[], $19::text[], $20::boolean[], $21::smallint[], $22::timestamptz[], $23::smallint[], $24::integer[], $25::smallint[], $26::timestamptz[],
		              $27::smallint[], $28::integer[], $29::bigint[])
		       u(` + summaryColumns + `)
		on conflict (edoc_num) do update
		set    sender = coalesce(d.sender, excluded.sender), actor = coalesce(d.actor, excluded.actor), own_key = coalesce(d.own_key, excluded.own_key),
		       lane = coalesce(d.lane, excluded.lane), accepted_at = coalesce(d.accepted_at, excluded.accepted_at),
		       send_deadline = coalesce(d.send_deadline, excluded.send_deadline), viewing_deadline = coalesce(d.viewing_deadline, excluded.viewing_deadline),
		       repeats = coalesce(d.repeats, excluded.repeats),
		       resolution = case when excluded.resolution_ordinal > coalesce(d.resolution_ordinal, 0) then excluded.resolution else d.resolution end,
		       resolution_ordinal = greatest(d.resolution_ordinal, excluded.resolution_ordinal),
		       sent_at = coalesce(d.sent_at, excluded.sent_at), received_at = coalesce(d.received_at, excluded.received_at),
		       recipient_address = coalesce(d.recipient_address, excluded.recipient_address),
		       token_issued_at = least(d.token_issued_at, excluded.token_issued_at), token_verified_at = least(d.token_verified_at, excluded.token_verified_at),
		       read_at = coalesce(d.read_at, excluded.read_at), final_state = coalesce(d.final_state, excluded.final_state),
		       final_reason = coalesce(d.final_reason, excluded.final_reason), cancel_refused = d.cancel_refused or excluded.cancel_refused,
		       registration_result = coalesce(d.registration_result, excluded.registration_result), registered_at = coalesce(d.registered_at, excluded.registered_at),
		       refused_result = case when excluded.refused_ordinal > coalesce(d.refused_ordinal, 0) then excluded.refused_result else d.refused_result end,
		       refused_ordinal = greatest(d.refused_ordinal, excluded.refused_ordinal),
		       read_result = coalesce(d.read_result, excluded.read_result), read_registered_at = coalesce(d.read_registered_at, excluded.read_registered_at),
		       read_refused_result = case when excluded.read_refused_ordinal > coalesce(d.read_refused_ordinal, 0) then excluded.read_refused_result else d.read_refused_result end,
		       read_refused_ordinal = greatest(d.read_refused_ordinal, excluded.read_refused_ordinal),
		       version = d.version + excluded.version`
	if len(patches) == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, upsert, patchArgs(patches)...); err != nil {
		return fmt.Errorf("merge %d summaries: %w", len(patches), err)
	}
	return nil
}

func column[T any](patches []patch, of func(p patch) T) []T {
	values := make([]T, len(patches))
	for i, p := range patches {
		values[i] = of(p)
	}
	return values
}

func patchArgs(ps []patch) []any {
	return []any{
		column(ps, func(p patch) string { return p.number }), column(ps, func(p patch) *string { return p.sender }), column(ps, func(p patch) *string { return p.actor }),
		column(ps, func(p patch) *string { return p.ownKey }), column(ps, func(p patch) *int16 { return p.lane }), column(ps, func(p patch) *time.Time { return p.acceptedAt }),
		column(ps, func(p patch) *time.Time { return p.sendDeadline }), column(ps, func(p patch) *time.Time { return p.viewing }), column(ps, func(p patch) *string { return p.repeats }),
		column(ps, func(p patch) *int16 { return p.resolution }), column(ps, func(p patch) *int32 { return p.resolutionOrdinal }), column(ps, func(p patch) *time.Time { return p.sentAt }),
		column(ps, func(p patch) *time.Time { return p.receivedAt }), column(ps, func(p patch) *string { return p.recipientAddress }), column(ps, func(p patch) *time.Time { return p.tokenIssuedAt }),
		column(ps, func(p patch) *time.Time { return p.tokenVerifiedAt }), column(ps, func(p patch) *time.Time { return p.readAt }), column(ps, func(p patch) *int16 { return p.finalState }),
		column(ps, func(p patch) *string { return p.finalReason }), column(ps, func(p patch) bool { return p.cancelRefused }), column(ps, func(p patch) *int16 { return p.registrationResult }),
		column(ps, func(p patch) *time.Time { return p.registeredAt }), column(ps, func(p patch) *int16 { return p.refusedResult }), column(ps, func(p patch) *int32 { return p.refusedOrdinal }),
		column(ps, func(p patch) *int16 { return p.readResult }), column(ps, func(p patch) *time.Time { return p.readRegisteredAt }), column(ps, func(p patch) *int16 { return p.readRefusedResult }),
		column(ps, func(p patch) *int32 { return p.readRefusedOrdinal }), column(ps, func(p patch) int64 { return p.facts }),
	}
}

func scanSummary(row pgx.CollectableRow) (patch, error) {
	var p patch
	err := row.Scan(&p.number, &p.sender, &p.actor, &p.ownKey, &p.lane, &p.acceptedAt, &p.sendDeadline, &p.viewing, &p.repeats, &p.resolution, &p.resolutionOrdinal,
		&p.sentAt, &p.receivedAt, &p.recipientAddress, &p.tokenIssuedAt, &p.tokenVerifiedAt, &p.readAt, &p.finalState, &p.finalReason, &p.cancelRefused,
		&p.registrationResult, &p.registeredAt, &p.refusedResult, &p.refusedOrdinal, &p.readResult, &p.readRegisteredAt, &p.readRefusedResult, &p.readRefusedOrdinal, &p.facts)
	return p, err
}

// readSummaries reads the summaries of a sender's documents by number.
func readSummaries(ctx context.Context, db pg.DBTX, sender string, numbers []string) (map[string]patch, error) {
	rows, err := db.Query(ctx, `select `+summaryColumns+` from document_summary where edoc_num = any($1) and sender = $2 and accepted_at is not null`, numbers, sender)
	if err != nil {
		return nil, fmt.Errorf("read %d summaries: %w", len(numbers), err)
	}
	found, err := pgx.CollectRows(rows, scanSummary)
	if err != nil {
		return nil, fmt.Errorf("read %d summaries: %w", len(numbers), err)
	}
	byNumber := make(map[string]patch, len(found))
	for _, p := range found {
		byNumber[p.number] = p
	}
	return byNumber, nil
}

// query is what ListStatuses asks for.
type query struct {
	Sender  string    `json:"s"`
	OwnKey  string    `json:"k,omitempty"`
	From    time.Time `json:"f,omitzero"`
	Until   time.Time `json:"u,omitzero"`
	States  []int16   `json:"st,omitempty"`
	AfterAt time.Time `json:"at,omitzero"`
	After   string    `json:"n,omitempty"`
}

// listSummaries lists by acceptance, oldest first.
func listSummaries(ctx context.Context, db pg.DBTX, q query, limit int) ([]patch, error) {
	const list = `
		select ` + summaryColumns + `
		from   document_summary
		where  sender = $1 and accepted_at is not null
		  and  ($2 = '' or own_key = $2)
		  and  ($3::timestamptz is null or accepted_at >= $3) and ($4::timestamptz is null or accepted_at < $4)
		  and  ($5::smallint[] is null or ` + stateSQL + ` = any($5))
		  and  ($6::timestamptz is null or (accepted_at, edoc_num) > ($6, $7))
		order  by accepted_at, edoc_num
		limit  $8`
	rows, err := db.Query(ctx, list, q.Sender, q.OwnKey, bound(q.From), bound(q.Until), q.States, bound(q.AfterAt), q.After, limit)
	if err != nil {
		return nil, fmt.Errorf("list summaries: %w", err)
	}
	found, err := pgx.CollectRows(rows, scanSummary)
	if err != nil {
		return nil, fmt.Errorf("list summaries: %w", err)
	}
	return found, nil
}

func bound(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// line is a timeline entry as it is shown.
type line struct {
	kind, actor            string
	ordinal                int32
	occurredAt, recordedAt time.Time
	acknowledgedAt         *time.Time
	details                map[string]string
}

func readTimeline(ctx context.Context, db pg.DBTX, number string) ([]line, error) {
	rows, err := db.Query(ctx, `
		select kind, ordinal, actor, occurred_at, recorded_at, acknowledged_at, details
		from   timeline_entry
		where  edoc_num = $1
		order  by occurred_at, recorded_at, kind, ordinal`, number)
	if err != nil {
		return nil, fmt.Errorf("read timeline of %s: %w", number, err)
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l line, err error) {
		return l, row.Scan(&l.kind, &l.ordinal, &l.actor, &l.occurredAt, &l.recordedAt, &l.acknowledgedAt, &l.details)
	})
	if err != nil {
		return nil, fmt.Errorf("read timeline of %s: %w", number, err)
	}
	return lines, nil
}

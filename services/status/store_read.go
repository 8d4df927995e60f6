package status

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/naru-relay/naru/pkg/pg"
)

const (
	summaryFields = `edoc_num, sender, actor, own_key, repeats, batch, accepted_at, send_deadline, viewing_deadline, sent_at, received_at, read_at,
	recipient_address, failure_reason, cancel_refused_at, invited_at, token_issued_at, token_verified_at,
	registration_result, registered_at, registration_refused_result, registration_refused_at, registration_refusal, registration_retried, registration_given_up,
	read_time_result, read_time_registered_at, read_time_refused_result, read_time_refused_at, read_time_refusal, read_time_retried, read_time_given_up,
	state, version`
	// summaryColumns are summaryFields as scanSummary reads them.
	summaryColumns = `edoc_num, sender, coalesce(actor, ''), coalesce(own_key, ''), coalesce(repeats, ''), coalesce(batch, ''), accepted_at, send_deadline,
	viewing_deadline, sent_at, received_at, read_at, coalesce(recipient_address, ''), coalesce(failure_reason, ''), cancel_refused_at, invited_at, token_issued_at,
	token_verified_at,
	coalesce(registration_result, 0), registered_at, coalesce(registration_refused_result, 0), registration_refused_at,
	coalesce(registration_refusal, ''), registration_retried, registration_given_up,
	coalesce(read_time_result, 0), read_time_registered_at, coalesce(read_time_refused_result, 0), read_time_refused_at,
	coalesce(read_time_refusal, ''), read_time_retried, read_time_given_up, state, version`
)

func scanSummary(row pgx.CollectableRow) (summary, error) {
	var s summary
	err := row.Scan(&s.number, &s.sender, &s.actor, &s.ownKey, &s.repeats, &s.batch, optional{&s.acceptedAt}, optional{&s.sendDeadline}, optional{&s.viewingDeadline},
		optional{&s.sentAt}, optional{&s.receivedAt}, optional{&s.readAt}, &s.recipientAddress, &s.failureReason, optional{&s.cancelRefusedAt}, optional{&s.invitedAt},
		optional{&s.tokenIssuedAt}, optional{&s.tokenVerifiedAt},
		&s.registration.result, optional{&s.registration.registeredAt}, &s.registration.refusedResult, optional{&s.registration.refusedAt},
		&s.registration.refusal, &s.registration.retried, &s.registration.givenUp,
		&s.readTime.result, optional{&s.readTime.registeredAt}, &s.readTime.refusedResult, optional{&s.readTime.refusedAt},
		&s.readTime.refusal, &s.readTime.retried, &s.readTime.givenUp, &s.state, &s.version)
	return s, err
}

// optional reads a time that may be null, which leaves its target zero.
type optional struct{ target *time.Time }

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (o optional) ScanTimestamptz(v pgtype.Timestamptz) error {
	if v.Valid {
		*o.target = v.Time.UTC()
	}
	return nil
}

// readSummaries reads documents by number that are the viewer's, or may be. The query has only the number: with the sender in it,
// the server might choose an index in which it must read all of the sender's documents.
func readSummaries(ctx context.Context, db pg.DBTX, v viewer, numbers []string) (map[string]summary, error) {
	rows, err := db.Query(ctx, `select `+summaryColumns+` from document_summary where edoc_num = any($1)`, numbers)
	if err != nil {
		return nil, fmt.Errorf("read %d summaries: %w", len(numbers), err)
	}
	list, err := pgx.CollectRows(rows, scanSummary)
	if err != nil {
		return nil, fmt.Errorf("read %d summaries: %w", len(numbers), err)
	}
	found := make(map[string]summary, len(list))
	for _, s := range list {
		if v.maySee(s) {
			found[s.number] = s
		}
	}
	return found, nil
}

// query says what a list contains.
type query struct {
	viewer viewer
	// from and until bound the time of acceptance. A zero time leaves that side open, as a query by own key or batch may.
	from, until   time.Time
	ownKey, batch string
	states        []int16
	newestFirst   bool
}

// place is the document after which a list continues.
type place struct {
	acceptedAt time.Time
	number     string
}

// source names the documents that a query is about, by the index that has them: $1 is the viewer, $2 the own key, $3 the batch.
func (q query) source() string {
	from := ` from document_summary where sender = $1 and `
	if q.viewer.agent {
		from = ` from document_summary where actor = $1::uuid::text and actor <> sender::text and ` // as the partial indexes have it
	}
	equal := func(column, parameter, value string) string {
		if value == "" {
			return parameter + `::text = '' and `
		}
		return column + ` = ` + parameter + ` and `
	}
	return from + equal("own_key", "$2", q.ownKey) + equal("batch", "$3", q.batch)
}

// window is the part of a list that comes after a place, $6 and $7, and its order.
func (q query) window() (window, order string) {
	after, order := `(accepted_at, edoc_num) > (coalesce($6, '-infinity'::timestamptz), $7)`, ` order by accepted_at, edoc_num `
	if q.newestFirst {
		after, order = `(accepted_at, edoc_num) < (coalesce($6, 'infinity'::timestamptz), $7)`, ` order by accepted_at desc, edoc_num desc `
	}
	return `accepted_at >= coalesce($4, '-infinity'::timestamptz) and accepted_at < coalesce($5, 'infinity'::timestamptz) and ` + after + order, order
}

// listSummaries lists at most limit documents after a place, in the order of their acceptance or against it. With a filter by
// state it reads at most scan documents; if there may be more, it returns where it ended.
func listSummaries(ctx context.Context, db pg.DBTX, q query, after place, limit, scan int) ([]summary, *place, error) {
	window, order := q.window()
	source := q.source() + window
	args := []any{q.viewer.id, q.ownKey, q.batch, instant(q.from), instant(q.until), instant(after.acceptedAt), after.number}
	sql := `select ` + summaryColumns + source + `limit $8`
	all := append(append([]any{}, args...), limit)
	if len(q.states) > 0 {
		sql = `select ` + summaryColumns + ` from (select ` + summaryFields + source + `limit $9) w where state = any($10)` + order + `limit $8`
		all = append(all, scan, q.states)
	}
	found, err := pg.All(ctx, db, "list summaries", scanSummary, sql, all...)
	if err != nil {
		return nil, nil, err
	}
	if len(q.states) == 0 || len(found) == limit {
		return found, nil, nil
	}
	var end place
	ended, err := pg.Scan(ctx, db, "find where a scan ended", []any{&end.acceptedAt, &end.number},
		`select accepted_at, edoc_num`+source+`offset $8 - 1 limit 1`, append(args, scan)...)
	if err != nil || !ended {
		return found, nil, err
	}
	return found, &end, nil
}

// progressMost is how many documents of a batch are counted: what an answer costs is bounded.
const progressMost = 100_000

// progress is how many documents of a batch are in a state, and when the first and last of them were accepted.
type progress struct {
	State       int16
	Documents   int64
	First, Last time.Time
}

// readProgress counts the first documents of a viewer's batch by state.
func readProgress(ctx context.Context, db pg.DBTX, q query) ([]progress, error) {
	return pg.All(ctx, db, "count a batch", pgx.RowToStructByPos[progress], `
		select state, count(*), min(accepted_at), max(accepted_at)
		from   (select state, accepted_at`+q.source()+`accepted_at is not null order by accepted_at limit $4) b
		group  by state
		order  by state`, q.viewer.id, q.ownKey, q.batch, progressMost)
}

// readTimeline reads everything recorded about a viewer's document, in the order of inOrder: the ordinary path from its summary,
// all else from the entries. Certificates (180, 190) are shown only to who requested them; entries made before events named the
// right may include those of the recipient.
func readTimeline(ctx context.Context, db pg.DBTX, v viewer, number string) ([]entry, error) {
	const read = `
		select o.kind, 1 as ordinal, o.occurred_at, o.recorded_at, o.acknowledged_at, o.actor, nullif(jsonb_strip_nulls(o.details), '{}')
		from   (select * from document_summary where edoc_num = $1 offset 0) s -- by number alone, as readSummaries
		cross  join lateral (values
		         (10, s.accepted_at, s.accepted_recorded_at, null::timestamptz, s.actor, jsonb_build_object('repeats', s.repeats)),
		         (30, s.resolved_at, s.received_recorded_at, null, 'unit:address', '{"resolution": "OWN"}'),
		         (60, s.received_at, s.received_recorded_at, null, 'unit:delivery', jsonb_build_object('repeats', s.repeats)),
		         (70, s.notice_given_at, s.notice_recorded_at, null, 'unit:delivery', null),
		         (140, s.read_at, s.read_recorded_at, null, s.read_actor,
		          jsonb_build_object('viewingSystem', s.read_viewing_system, 'logDigest', s.read_log_digest)),
		         (150, s.registration_stated_at, s.registration_recorded_at, s.registered_at, 'unit:circulation',
		          jsonb_build_object('result', s.registration_result::text, 'exchange', s.registration_exchange)),
		         (160, s.read_time_stated_at, s.read_time_recorded_at, s.read_time_registered_at, 'unit:circulation',
		          jsonb_build_object('result', s.read_time_result::text, 'exchange', s.read_time_exchange)))
		       o(kind, occurred_at, recorded_at, acknowledged_at, actor, details)
		where  (s.sender = $2 or $3 and s.actor = $2::uuid::text) and o.occurred_at is not null and o.recorded_at is not null
		union  all
		select kind, ordinal, occurred_at, recorded_at, acknowledged_at, actor, details
		from   timeline_entry
		where  edoc_num = $1 and (kind not in (180, 190) or actor = $2::uuid::text)`
	rows, err := db.Query(ctx, read, number, v.id, v.agent)
	if err != nil {
		return nil, fmt.Errorf("read the timeline of %s: %w", number, err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (entry, error) {
		e := entry{number: number}
		var acknowledged *time.Time
		var details []byte
		if err := row.Scan(&e.kind, &e.ordinal, &e.occurredAt, &e.recordedAt, &acknowledged, &e.actor, &details); err != nil {
			return entry{}, err
		}
		if acknowledged != nil {
			e.acknowledgedAt = *acknowledged
		}
		if details == nil {
			return e, nil
		}
		return e, json.Unmarshal(details, &e.details)
	})
	if err != nil {
		return nil, fmt.Errorf("read the timeline of %s: %w", number, err)
	}
	return inOrder(entries), nil
}

package archive

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// makeDue makes deposits due; documents are sorted by number. It returns those that are deposited already, with their newer
// resolution. A resolution that was seen before changes nothing.
func makeDue(ctx context.Context, tx *journal.Tx, documents []document, now time.Time) ([]done, error) {
	const upsert = `
		insert into deposit as d (edoc_num, state, sender, lane, facts, ordinal, choices, resolved_at, traceparent, due_since, due_at, commit_id, frame_id)
		select edoc_num, 'DUE', sender, lane, facts, ordinal, choices, resolved_at, traceparent, $10, now(), $11, frame_id
		from   unnest($1::text[], $2::text[], $3::smallint[], $4::bytea[], $5::integer[], $6::integer[], $7::timestamptz[], $8::text[], $9::uuid[])
		       u(edoc_num, sender, lane, facts, ordinal, choices, resolved_at, traceparent, frame_id)
		order  by edoc_num collate "C"
		on conflict (edoc_num) do update
		set    facts = excluded.facts, ordinal = excluded.ordinal, choices = excluded.choices, resolved_at = excluded.resolved_at,
		       traceparent = excluded.traceparent, commit_id = excluded.commit_id, frame_id = excluded.frame_id
		where  d.state in ('DUE', 'DEPOSITED') and d.ordinal < excluded.ordinal
		returning edoc_num, archive, archive_document, registered_at, certificate_digest, certificate_attempt, deposited_at`
	byNumber := make(map[string]document, len(documents))
	facts := make([][]byte, len(documents))
	for i, d := range documents {
		byNumber[d.number] = d
		var err error
		if facts[i], err = (proto.MarshalOptions{Deterministic: true}).Marshal(d.facts); err != nil {
			return nil, fmt.Errorf("encode facts of %s: %w", d.number, err)
		}
	}
	var again []done
	var number string
	var archive, archiveDocument, digest *string
	var attempt *int
	var registeredAt, depositedAt *time.Time
	err := pg.Each(ctx, tx, fmt.Sprintf("make %d deposits due", len(documents)), []any{&number, &archive, &archiveDocument, &registeredAt, &digest, &attempt, &depositedAt}, func() error {
		if digest != nil {
			again = append(again, done{
				document: byNumber[number], archive: pg.OrZero(archive), archiveDocument: pg.OrZero(archiveDocument), registeredAt: pg.OrZero(registeredAt),
				digest: *digest, attempt: pg.OrZero(attempt), depositedAt: pg.OrZero(depositedAt),
			})
		}
		return nil
	}, upsert, pg.Column(documents, func(d document) string { return d.number }), pg.Column(documents, func(d document) string { return d.sender }),
		pg.Column(documents, func(d document) int16 { return journal.LaneNumber(d.lane) }), facts,
		pg.Column(documents, func(d document) int32 { return int32(d.ordinal) }), //nolint:gosec // counts from 1
		pg.Column(documents, func(d document) int32 { return int32(d.choices) }), //nolint:gosec // a small count
		pg.Column(documents, func(d document) time.Time { return d.resolvedAt }), pg.Column(documents, func(d document) string { return d.traceparent }),
		pg.Column(documents, func(d document) uuid.UUID { return d.frame }), now, tx.CommitID())
	return again, err
}

// stop ends deposits that are due, and keeps in mind that a document has ended that is not known here; documents are sorted by
// number.
func stop(ctx context.Context, tx *journal.Tx, documents []document, now time.Time) error {
	const upsert = `
		insert into deposit as d (edoc_num, state, ended_at, commit_id, frame_id)
		select edoc_num, 'STOPPED', $3, $4, frame_id
		from   unnest($1::text[], $2::uuid[]) u(edoc_num, frame_id)
		order  by edoc_num collate "C"
		on conflict (edoc_num) do update
		set    state = 'STOPPED', ended_at = excluded.ended_at, due_at = null, lease_until = null, owner = null, commit_id = excluded.commit_id,
		       frame_id = excluded.frame_id
		where  d.state = 'DUE'`
	return pg.Exec(ctx, tx, fmt.Sprintf("stop %d deposits", len(documents)), upsert, pg.Column(documents, func(d document) string { return d.number }),
		pg.Column(documents, func(d document) uuid.UUID { return d.frame }), now, tx.CommitID())
}

// documentColumns are a deposit with its newest resolution.
const documentColumns = `edoc_num, sender, lane, facts, ordinal, choices, resolved_at, traceparent, frame_id`

// scanDocument reads documentColumns, and whatever follows them.
func scanDocument(row pgx.CollectableRow, further ...any) (document, error) {
	d := document{facts: &platformv1.DocumentFacts{}}
	var lane int16
	var raw []byte
	var ordinal, choices int32
	if err := row.Scan(append([]any{&d.number, &d.sender, &lane, &raw, &ordinal, &choices, &d.resolvedAt, &d.traceparent, &d.frame}, further...)...); err != nil {
		return document{}, err
	}
	d.lane, d.ordinal, d.choices = platformv1.Lane(lane), uint32(ordinal), uint32(choices) //nolint:gosec // were unsigned
	d.resolvedAt = d.resolvedAt.UTC()
	return d, proto.Unmarshal(raw, d.facts)
}

// findDone reads a deposit that was made.
func findDone(ctx context.Context, db pg.DBTX, number string) (d done, known bool, err error) {
	const find = `
		select ` + documentColumns + `, archive, archive_document, registered_at, certificate_digest, certificate_attempt, deposited_at
		from   deposit
		where  edoc_num = $1 and state = 'DEPOSITED'`
	return pg.Find(ctx, db, "find the deposit of "+number, func(row pgx.CollectableRow) (d done, err error) {
		d.document, err = scanDocument(row, &d.archive, &d.archiveDocument, &d.registeredAt, &d.digest, &d.attempt, &d.depositedAt)
		return d, err
	}, find, number)
}

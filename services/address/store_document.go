package address

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// States of an open document.
const (
	documentOpen      = "open"
	documentOwn       = "own"
	documentRefused   = "refused"
	documentAmbiguous = "ambiguous"
	documentCancelled = "cancelled"
	documentExpired   = "expired"
)

// document is a document whose recipient is sought.
type document struct {
	edoc, sender string
	lane         platformv1.Lane
	state        string
	match        match
	// sealedRecipient and facts are there while the document is open; a document that was opened again has no sealedRecipient.
	// Before there is an outcome, facts.to holds only the sub-address that the sender gave.
	sealedRecipient []byte
	facts           *platformv1.DocumentFacts
	sendDeadline    time.Time
	causation       uuid.UUID
	traceparent     string

	// The latest outcome; ordinal 0 while there is none.
	ordinal int32
	latest  outcome
	// withheld: there was a fruitless outcome, which is not stated before the send deadline.
	withheld bool
}

func (d document) number() string { return d.edoc }

// changedBy reports whether o differs from the document's latest outcome. A consenting member here that is found for an open
// document always does: delivery waits for it.
func (d document) changedBy(o outcome) bool {
	return d.ordinal == 0 || o.resolution == addressv1.Resolution_RESOLUTION_OWN || d.latest.resolution != o.resolution || d.latest.recipient != o.recipient ||
		d.latest.platform != o.platform || foldAddress(d.latest.address) != foldAddress(o.address)
}

// lockMatches takes the locks of match keys for the rest of the transaction. Documents share a lock, a change of a membership
// holds it alone. The caller's later statements see everything committed before the lock was taken.
func lockMatches(tx *journal.Tx, alone bool, keys ...[]byte) {
	// Locks by two numbers are separate from locks by one number. Arrays keep their order.
	const shared = `select pg_advisory_xact_lock_shared($1, bucket) from unnest($2::integer[]) with ordinality u(bucket, n) order by n`
	const single = `select pg_advisory_xact_lock($1, bucket) from unnest($2::integer[]) with ordinality u(bucket, n) order by n`
	statement := shared
	if alone {
		statement = single
	}
	tx.Later(fmt.Sprintf("lock %d match keys", len(keys)), statement, matchLockClass, buckets(keys...))
}

// matchLockClass is the first number of this unit's advisory locks ("addr").
const matchLockClass int32 = 0x61646472

// insertDocuments adds documents with the state that follows from their first outcome, and returns the new numbers.
func insertDocuments(ctx context.Context, tx *journal.Tx, docs []document, at time.Time) (map[string]bool, error) {
	const insert = `
		insert into open_document (edoc_num, sender, lane, state, match_kind, match_key, match_key_2, sealed_recipient, facts, send_deadline,
		                           resolution, ordinal, recipient, platform_id, address, causation, traceparent, withheld, recorded_at, updated_at, commit_id)
		select edoc_num, sender, lane, state, match_kind, match_key, match_key_2, sealed_recipient, facts, send_deadline,
		       resolution, ordinal, nullif(recipient, '00000000-0000-0000-0000-000000000000'), platform_id, address, causation, traceparent, withheld, $19, $19, $20
		from   unnest($1::text[], $2::text[], $3::smallint[], $4::text[], $5::smallint[], $6::bytea[], $7::bytea[], $8::bytea[], $9::bytea[],
		              $10::timestamptz[], $11::smallint[], $12::integer[], $13::uuid[], $14::text[], $15::text[], $16::uuid[], $17::text[],
		              $18::boolean[])
		       u(edoc_num, sender, lane, state, match_kind, match_key, match_key_2, sealed_recipient, facts, send_deadline,
		         resolution, ordinal, recipient, platform_id, address, causation, traceparent, withheld)
		order  by edoc_num
		on conflict (edoc_num) do nothing
		returning edoc_num`
	sealedRecipients, facts := make([][]byte, len(docs)), make([][]byte, len(docs))
	for i, d := range docs {
		if d.state != documentOpen {
			continue
		}
		sealedRecipients[i] = d.sealedRecipient
		var err error
		if facts[i], err = proto.Marshal(d.facts); err != nil {
			return nil, fmt.Errorf("encode facts of %s: %w", d.edoc, err)
		}
	}
	return pg.Set[string](ctx, tx, fmt.Sprintf("insert %d documents", len(docs)), insert,
		pg.Column(docs, document.number),
		pg.Column(docs, func(d document) string { return d.sender }),
		pg.Column(docs, func(d document) int16 { return journal.LaneNumber(d.lane) }),
		pg.Column(docs, func(d document) string { return d.state }),
		pg.Column(docs, func(d document) int16 { return int16(d.match.kind) }),
		pg.Column(docs, func(d document) []byte { return d.match.key }),
		pg.Column(docs, func(d document) []byte { return d.match.second }),
		sealedRecipients, facts,
		pg.Column(docs, func(d document) time.Time { return d.sendDeadline }),
		pg.Column(docs, func(d document) int16 { return int16(d.latest.resolution) }), //nolint:gosec // 0 to 7
		pg.Column(docs, func(d document) int32 { return d.ordinal }),
		pg.Column(docs, func(d document) uuid.UUID { return d.latest.recipient }),
		pg.Column(docs, func(d document) string { return d.latest.platform }),
		pg.Column(docs, func(d document) string { return d.latest.address }),
		pg.Column(docs, func(d document) uuid.UUID { return d.causation }),
		pg.Column(docs, func(d document) string { return d.traceparent }),
		pg.Column(docs, func(d document) bool { return d.withheld }),
		at, tx.CommitID())
}

// updateDocuments writes the latest outcome and the state of documents whose rows are locked.
func updateDocuments(ctx context.Context, tx *journal.Tx, docs []document, at time.Time) error {
	const update = `
		update open_document d
		set    state = u.state, resolution = u.resolution, ordinal = u.ordinal, withheld = u.withheld, updated_at = $9, commit_id = $10,
		       recipient = nullif(u.recipient, '00000000-0000-0000-0000-000000000000'), platform_id = u.platform_id, address = u.address,
		       sealed_recipient = case when u.state = 'open' then d.sealed_recipient end,
		       facts            = case when u.state = 'open' then d.facts end
		from   unnest($1::text[], $2::text[], $3::smallint[], $4::integer[], $5::uuid[], $6::text[], $7::text[], $8::boolean[])
		       u(edoc_num, state, resolution, ordinal, recipient, platform_id, address, withheld)
		where  d.edoc_num = u.edoc_num`
	return pg.Exec(ctx, tx, fmt.Sprintf("update %d documents", len(docs)), update,
		pg.Column(docs, document.number),
		pg.Column(docs, func(d document) string { return d.state }),
		pg.Column(docs, func(d document) int16 { return int16(d.latest.resolution) }), //nolint:gosec // 0 to 7
		pg.Column(docs, func(d document) int32 { return d.ordinal }),
		pg.Column(docs, func(d document) uuid.UUID { return d.latest.recipient }),
		pg.Column(docs, func(d document) string { return d.latest.platform }),
		pg.Column(docs, func(d document) string { return d.latest.address }),
		pg.Column(docs, func(d document) bool { return d.withheld }),
		at, tx.CommitID())
}

const documentHead = `
		select d.edoc_num, d.sender, d.lane, d.state, d.match_kind, d.match_key, d.match_key_2, d.sealed_recipient, d.facts, d.send_deadline,
		       d.causation, d.traceparent, d.resolution, d.ordinal, coalesce(d.recipient, '00000000-0000-0000-0000-000000000000'),
		       d.platform_id, d.address, d.withheld
		from   open_document d`

// reopen opens documents whose rows are locked again, with the facts that delivery gave back.
func reopen(ctx context.Context, tx *journal.Tx, docs []document, at time.Time) error {
	facts := make([][]byte, len(docs))
	for i, d := range docs {
		var err error
		if facts[i], err = proto.Marshal(d.facts); err != nil {
			return fmt.Errorf("encode facts of %s: %w", d.edoc, err)
		}
	}
	const update = `
		update open_document d
		set    state = 'open', facts = u.facts, updated_at = $3, commit_id = $4
		from   unnest($1::text[], $2::bytea[]) u(edoc_num, facts)
		where  d.edoc_num = u.edoc_num`
	return pg.Exec(ctx, tx, fmt.Sprintf("open %d documents again", len(docs)), update, pg.Column(docs, document.number), facts, at, tx.CommitID())
}

// readDocument reads one document without locking it; false when there is none.
func readDocument(ctx context.Context, db pg.DBTX, edoc string) (document, bool, error) {
	const read = documentHead + `
		where  d.edoc_num = $1`
	return oneDocument(ctx, db, read, edoc)
}

// lockDocument locks one document; false when there is none.
func lockDocument(ctx context.Context, tx *journal.Tx, edoc string) (document, bool, error) {
	const lock = documentHead + `
		where  d.edoc_num = $1
		for    update`
	return oneDocument(ctx, tx, lock, edoc)
}

func oneDocument(ctx context.Context, db pg.DBTX, sql, edoc string) (document, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read document %s", edoc), scanDocument, sql, edoc)
}

// lockDocuments locks the documents of these numbers, in their order.
func lockDocuments(ctx context.Context, tx *journal.Tx, edocs []string) ([]document, error) {
	const lock = documentHead + `
		where  d.edoc_num = any($1)
		order  by d.edoc_num
		for    update`
	return manyDocuments(ctx, tx, lock, edocs)
}

// lockMatching locks at most limit open documents that have one of the keys and whose deadline has not passed, or that have no
// stated outcome.
func lockMatching(ctx context.Context, tx *journal.Tx, keys, seconds [][]byte, now time.Time, limit int) ([]document, error) {
	const lock = documentHead + `
		where  d.state = 'open' and (d.match_key = any($1) or d.match_key_2 = any($2)) and (d.send_deadline > $3 or d.ordinal = 0)
		order  by d.edoc_num
		limit  $4
		for    update`
	return manyDocuments(ctx, tx, lock, keys, seconds, now, limit)
}

func manyDocuments(ctx context.Context, db pg.DBTX, sql string, args ...any) ([]document, error) {
	return pg.All(ctx, db, "lock documents", scanDocument, sql, args...)
}

func scanDocument(row pgx.CollectableRow) (document, error) {
	var d document
	var lane, kind, resolution int16
	var facts []byte
	if err := row.Scan(&d.edoc, &d.sender, &lane, &d.state, &kind, &d.match.key, &d.match.second, &d.sealedRecipient, &facts, &d.sendDeadline,
		&d.causation, &d.traceparent, &resolution, &d.ordinal, &d.latest.recipient, &d.latest.platform, &d.latest.address, &d.withheld); err != nil {
		return document{}, err
	}
	d.lane, d.match.kind, d.latest.resolution = platformv1.Lane(lane), matchKind(kind), addressv1.Resolution(resolution)
	d.sendDeadline = d.sendDeadline.UTC()
	d.facts = &platformv1.DocumentFacts{}
	return d, proto.Unmarshal(facts, d.facts)
}

// sortDocuments brings documents into the order in which rows are written and locked.
func sortDocuments(docs []document) {
	slices.SortFunc(docs, func(a, b document) int { return strings.Compare(a.edoc, b.edoc) })
}

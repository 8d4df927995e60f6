package viewing

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// The statements of this file write for several callers at once, sorted by number, each number once (journal.Group).

// tokenRow is a token as it was issued.
type tokenRow struct {
	number            id.EdocNumber
	jti               uuid.UUID
	digest            []byte
	keyID             string
	recipient, system string
	// actedBy is the person who asked for an organisation; empty for a person's own document.
	actedBy             string
	issuedAt, expiresAt time.Time
}

// tokenWindow is the time over which a document's tokens are bounded.
const tokenWindow = time.Hour

// insertTokens counts the documents' tokens and stores the new ones under their numbers, which it returns. Documents that already
// had the most of the window get none. It locks the documents' rows.
func insertTokens(ctx context.Context, tx *journal.Tx, rows []tokenRow, most int) (map[id.EdocNumber]uint32, error) {
	const insert = `
		with told as (
		  select * from unnest($1::text[], $2::uuid[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[], $12::text[])
		       u(edoc_num, jti, digest, key_id, recipient, viewing_system, issued_at, expires_at, acted_by)),
		counted as (
		  update document d
		  set    tokens = tokens + 1
		  from   told t
		  where  d.edoc_num = t.edoc_num
		    -- Nearly no document has so many tokens that they must be counted.
		    and (d.tokens < $10 or (select count(*) from viewing_token v where v.edoc_num = t.edoc_num and v.issued_at > t.issued_at - $11::interval) < $10)
		  returning d.edoc_num, d.tokens)
		insert into viewing_token (edoc_num, jti, ordinal, digest, key_id, recipient, viewing_system, issued_at, expires_at, acted_by, commit_id)
		select t.edoc_num, t.jti, c.tokens, t.digest, t.key_id, t.recipient, t.viewing_system, t.issued_at, t.expires_at, t.acted_by, $9
		from   told t join counted c using (edoc_num)
		returning edoc_num, ordinal`
	return ordinalsOf(ctx, tx, fmt.Sprintf("insert %d tokens", len(rows)), insert,
		pg.Column(rows, func(r tokenRow) string { return r.number.String() }),
		pg.Column(rows, func(r tokenRow) uuid.UUID { return r.jti }),
		pg.Column(rows, func(r tokenRow) []byte { return r.digest }),
		pg.Column(rows, func(r tokenRow) string { return r.keyID }),
		pg.Column(rows, func(r tokenRow) string { return r.recipient }),
		pg.Column(rows, func(r tokenRow) string { return r.system }),
		pg.Column(rows, func(r tokenRow) time.Time { return r.issuedAt }),
		pg.Column(rows, func(r tokenRow) time.Time { return r.expiresAt }),
		tx.CommitID(), most, tokenWindow, pg.Column(rows, func(r tokenRow) string { return r.actedBy }))
}

// nextToken is when a document that had the most of the window gets a token again.
func nextToken(ctx context.Context, db pg.DBTX, number id.EdocNumber, most int) (time.Time, error) {
	issued, err := pg.Value[time.Time](ctx, db, fmt.Sprintf("read tokens of %s", number), `
		select coalesce((select issued_at from viewing_token where edoc_num = $1 order by issued_at desc offset $2 limit 1), 'epoch')`,
		number.String(), most-1)
	return issued.Add(tokenWindow), err
}

// countVerifications counts documents' verifications and gives the new ones' numbers. It locks the documents' rows.
func countVerifications(ctx context.Context, db pg.DBTX, numbers []string) (map[id.EdocNumber]uint32, error) {
	const count = `
		update document d
		set    verifications = verifications + 1
		from   unnest($1::text[]) u(edoc_num)
		where  d.edoc_num = u.edoc_num
		returning d.edoc_num, d.verifications`
	if len(numbers) == 0 {
		return nil, nil //nolint:nilnil // none of none
	}
	return ordinalsOf(ctx, db, "count verifications", count, numbers)
}

func ordinalsOf(ctx context.Context, db pg.DBTX, doing, sql string, args ...any) (map[id.EdocNumber]uint32, error) {
	ordinals := map[id.EdocNumber]uint32{}
	var number string
	var ordinal uint32
	return ordinals, pg.Each(ctx, db, doing, []any{&number, &ordinal}, func() error {
		ordinals[id.EdocNumber(number)] = ordinal
		return nil
	}, sql, args...)
}

// useTokens marks tokens as used, each by a viewing system's request, and returns the checks that succeeded. Of several callers
// with one token only one succeeds.
func useTokens(ctx context.Context, tx *journal.Tx, checks []*check) (map[uuid.UUID]bool, error) {
	const update = `
		update viewing_token v
		set    used_at = u.at, request_id = u.request_id, verification_id = u.id, used_commit_id = $8
		from   unnest($1::text[], $2::uuid[], $3::bytea[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[])
		       u(edoc_num, jti, digest, viewing_system, at, request_id, id)
		where  v.edoc_num = u.edoc_num and v.jti = u.jti and v.digest = u.digest and v.viewing_system = u.viewing_system
		  and  v.used_at is null and v.issued_at <= u.at and v.expires_at > u.at
		returning u.id`
	if len(checks) == 0 {
		return nil, nil //nolint:nilnil // none of none
	}
	return pg.Set[uuid.UUID](ctx, tx, fmt.Sprintf("use %d tokens", len(checks)), update,
		pg.Column(checks, func(c *check) string { return c.number.String() }),
		pg.Column(checks, func(c *check) uuid.UUID { return c.jti }),
		pg.Column(checks, func(c *check) []byte { return c.digest }),
		pg.Column(checks, func(c *check) string { return c.system }),
		pg.Column(checks, func(c *check) time.Time { return c.at }),
		pg.Column(checks, func(c *check) string { return c.requestID }),
		pg.Column(checks, func(c *check) uuid.UUID { return c.id }),
		tx.CommitID())
}

// readUnusedFor finds the person who got a check's token for an organisation; empty if the token is a person's own, was
// used, or was never issued.
func readUnusedFor(ctx context.Context, db pg.DBTX, c *check) (person string, err error) {
	const read = `
		select acted_by
		from   viewing_token
		where  edoc_num = $1 and jti = $2 and digest = $3 and viewing_system = $4 and used_at is null`
	_, err = pg.Scan(ctx, db, "read who got a token of "+c.number.String(), []any{&person}, read, c.number.String(), c.jti, c.digest, c.system)
	return person, err
}

// tokenState is the state of a token that could not be used.
type tokenState struct {
	issuedAt, expiresAt time.Time
	usedAt              *time.Time
	requestID           *string
	verification        *uuid.UUID
}

// readToken reads the state of the token with exactly this digest; false if it was never issued.
func readToken(ctx context.Context, db pg.DBTX, c *check) (s tokenState, issued bool, err error) {
	const read = `
		select issued_at, expires_at, used_at, request_id, verification_id
		from   viewing_token
		where  edoc_num = $1 and jti = $2 and digest = $3 and viewing_system = $4`
	issued, err = pg.Scan(ctx, db, "read token of "+c.number.String(), []any{&s.issuedAt, &s.expiresAt, &s.usedAt, &s.requestID, &s.verification},
		read, c.number.String(), c.jti, c.digest, c.system)
	return s, issued, err
}

// insertChecks stores every attempt with its outcome.
func insertChecks(tx *journal.Tx, checks []*check) {
	const insert = `
		insert into token_check (id, viewing_system, request_id, token_digest, edoc_num, jti, outcome, verification_id, checked_at, commit_id)
		select id, viewing_system, request_id, token_digest, edoc_num, jti, outcome, verification_id, checked_at, $10
		from   unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::uuid[], $7::text[], $8::uuid[], $9::timestamptz[])
		       u(id, viewing_system, request_id, token_digest, edoc_num, jti, outcome, verification_id, checked_at)`
	tx.Later(fmt.Sprintf("insert %d token checks", len(checks)), insert,
		pg.Column(checks, func(c *check) uuid.UUID { return c.id }),
		pg.Column(checks, func(c *check) string { return c.system }),
		pg.Column(checks, func(c *check) string { return c.requestID }),
		pg.Column(checks, func(c *check) []byte { return c.digest }),
		pg.Column(checks, func(c *check) *string { return pg.OrNull(c.number.String()) }),
		pg.Column(checks, func(c *check) *uuid.UUID { return pg.OrNull(c.jti) }),
		pg.Column(checks, func(c *check) string { return string(c.became) }),
		pg.Column(checks, func(c *check) *uuid.UUID { return pg.OrNull(c.verification.id) }),
		pg.Column(checks, func(c *check) time.Time { return c.at }),
		tx.CommitID())
}

// insertReadTimes stores the read times of documents that have none, and returns which documents got one.
func insertReadTimes(ctx context.Context, tx *journal.Tx, good []*reporting) (map[string]bool, error) {
	const insert = `
		insert into read_time (edoc_num, read_at, verified_at, reported_at, verification_id, viewing_system, log_digest, report_id, commit_id)
		select edoc_num, read_at, verified_at, reported_at, verification_id, viewing_system, log_digest, report_id, $9
		from   unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::uuid[], $6::text[], $7::text[], $8::uuid[])
		       u(edoc_num, read_at, verified_at, reported_at, verification_id, viewing_system, log_digest, report_id)
		on conflict (edoc_num) do nothing
		returning edoc_num`
	if len(good) == 0 {
		return nil, nil //nolint:nilnil // none of none
	}
	return pg.Set[string](ctx, tx, fmt.Sprintf("insert %d read times", len(good)), insert,
		pg.Column(good, func(r *reporting) string { return r.number.String() }),
		pg.Column(good, func(r *reporting) time.Time { return r.readAt }),
		pg.Column(good, func(r *reporting) time.Time { return r.verifiedAt }),
		pg.Column(good, func(r *reporting) time.Time { return r.at }),
		pg.Column(good, func(r *reporting) uuid.UUID { return r.verification }),
		pg.Column(good, func(r *reporting) string { return r.system }),
		pg.Column(good, func(r *reporting) string { return r.logDigest }),
		pg.Column(good, func(r *reporting) uuid.UUID { return r.id }),
		tx.CommitID())
}

// readTime is the read time that counts.
type readTime struct {
	readAt       time.Time
	verification uuid.UUID
	logDigest    string
}

func readReadTime(ctx context.Context, db pg.DBTX, number id.EdocNumber) (t readTime, err error) {
	const read = `select read_at, verification_id, log_digest from read_time where edoc_num = $1`
	if err := db.QueryRow(ctx, read, number.String()).Scan(&t.readAt, &t.verification, &t.logDigest); err != nil {
		return readTime{}, fmt.Errorf("read the read time of %s: %w", number, err)
	}
	t.readAt = clock.Canonical(t.readAt)
	return t, nil
}

// insertReports stores every report with its outcome.
func insertReports(tx *journal.Tx, reports []*reporting) {
	const insert = `
		insert into read_report (id, edoc_num, verification_id, viewing_system, read_at, shown_hash, log_digest, outcome, reported_at, sent_at, commit_id)
		select id, edoc_num, verification_id, viewing_system, read_at, shown_hash, log_digest, outcome, reported_at, sent_at, $11
		from   unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
		              $10::timestamptz[])
		       u(id, edoc_num, verification_id, viewing_system, read_at, shown_hash, log_digest, outcome, reported_at, sent_at)`
	tx.Later(fmt.Sprintf("insert %d read reports", len(reports)), insert,
		pg.Column(reports, func(r *reporting) uuid.UUID { return r.id }),
		pg.Column(reports, func(r *reporting) string { return r.number.String() }),
		pg.Column(reports, func(r *reporting) uuid.UUID { return r.verification }),
		pg.Column(reports, func(r *reporting) string { return r.system }),
		pg.Column(reports, func(r *reporting) time.Time { return r.readAt }),
		pg.Column(reports, func(r *reporting) string { return digestText(r.shown) }),
		pg.Column(reports, func(r *reporting) string { return r.logDigest }),
		pg.Column(reports, func(r *reporting) string { return string(r.became) }),
		pg.Column(reports, func(r *reporting) time.Time { return r.at }),
		pg.Column(reports, func(r *reporting) *time.Time { return pg.OrNull(r.sentAt) }),
		tx.CommitID())
}

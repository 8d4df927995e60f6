package viewing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// countVerification counts a document's verifications and gives the new one's number. It locks the document's row.
func countVerification(ctx context.Context, db pg.DBTX, number id.EdocNumber) (uint32, error) {
	const count = `update document set verifications = verifications + 1 where edoc_num = $1 returning verifications`
	var ordinal uint32
	if err := db.QueryRow(ctx, count, number.String()).Scan(&ordinal); err != nil {
		return 0, fmt.Errorf("count on document %s: %w", number, err)
	}
	return ordinal, nil
}

// tokenRow is a token as it was issued.
type tokenRow struct {
	number              id.EdocNumber
	jti                 uuid.UUID
	digest              []byte
	keyID               string
	recipient, system   string
	issuedAt, expiresAt time.Time
}

// insertToken counts a document's tokens and keeps the new one under its number, which it gives. It locks the document's row.
func insertToken(ctx context.Context, tx *journal.Tx, r tokenRow) (ordinal uint32, err error) {
	const insert = `
		with counted as (
		  update document set tokens = tokens + 1 where edoc_num = $1 returning tokens)
		insert into viewing_token (edoc_num, jti, ordinal, digest, key_id, recipient, viewing_system, issued_at, expires_at, commit_id)
		select $1, $2, tokens, $3, $4, $5, $6, $7, $8, $9 from counted
		returning ordinal`
	err = tx.QueryRow(ctx, insert, r.number.String(), r.jti, r.digest, r.keyID, r.recipient, r.system, r.issuedAt, r.expiresAt, tx.CommitID()).Scan(&ordinal)
	if err != nil {
		return 0, fmt.Errorf("insert token of %s: %w", r.number, err)
	}
	return ordinal, nil
}

// useToken uses a token up, binding it to a viewing system's request. Of any number of callers one is told true.
func useToken(ctx context.Context, tx *journal.Tx, c check) (bool, error) {
	const update = `
		update viewing_token
		set    used_at = $5, request_id = $6, verification_id = $7, used_commit_id = $8
		where  edoc_num = $1 and jti = $2 and digest = $3 and viewing_system = $4
		  and  used_at is null and issued_at <= $5 and expires_at > $5
		returning true`
	var used bool
	err := tx.QueryRow(ctx, update, c.number.String(), c.jti, c.digest, c.system, c.at, c.requestID, c.id, tx.CommitID()).Scan(&used)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("use token of %s: %w", c.number, err)
	}
	return used, nil
}

// tokenState is what a token was when it could not be used.
type tokenState struct {
	issuedAt, expiresAt time.Time
	usedAt              *time.Time
	requestID           *string
	verification        *uuid.UUID
}

// readToken reads the state of the very token with this digest; false where it was never issued.
func readToken(ctx context.Context, db pg.DBTX, c check) (tokenState, bool, error) {
	const read = `
		select issued_at, expires_at, used_at, request_id, verification_id
		from   viewing_token
		where  edoc_num = $1 and jti = $2 and digest = $3 and viewing_system = $4`
	var s tokenState
	err := db.QueryRow(ctx, read, c.number.String(), c.jti, c.digest, c.system).Scan(&s.issuedAt, &s.expiresAt, &s.usedAt, &s.requestID, &s.verification)
	if errors.Is(err, pgx.ErrNoRows) {
		return tokenState{}, false, nil
	}
	if err != nil {
		return tokenState{}, false, fmt.Errorf("read token of %s: %w", c.number, err)
	}
	return s, true, nil
}

func insertCheck(ctx context.Context, tx *journal.Tx, c check, o outcome, v *uuid.UUID) error {
	const insert = `
		insert into token_check (id, viewing_system, request_id, token_digest, edoc_num, jti, outcome, verification_id, checked_at, commit_id)
		values ($1, $2, $3, $4, nullif($5, ''), $6, $7, $8, $9, $10)`
	var jti *uuid.UUID
	if c.number != "" {
		jti = &c.jti
	}
	_, err := tx.Exec(ctx, insert, c.id, c.system, c.requestID, c.digest, c.number.String(), jti, string(o), v, c.at, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert token check: %w", err)
	}
	return nil
}

// readVerification finds a viewing system's own verification of a document.
func readVerification(ctx context.Context, db pg.DBTX, number id.EdocNumber, verificationID uuid.UUID, system string) (verification, bool, error) {
	const read = `
		select used_at
		from   viewing_token
		where  edoc_num = $1 and verification_id = $2 and viewing_system = $3`
	v := verification{id: verificationID}
	err := db.QueryRow(ctx, read, number.String(), verificationID, system).Scan(&v.verifiedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return verification{}, false, nil
	}
	if err != nil {
		return verification{}, false, fmt.Errorf("read verification of %s: %w", number, err)
	}
	v.verifiedAt = clock.Canonical(v.verifiedAt)
	return v, true, nil
}

// readTime is the read time that counts.
type readTime struct {
	readAt       time.Time
	verification uuid.UUID
	logDigest    string
}

// insertReadTime keeps a read time unless there is one; true where it was the first.
func insertReadTime(ctx context.Context, tx *journal.Tx, r report, v verification, reportID uuid.UUID, at time.Time) (bool, error) {
	const insert = `
		insert into read_time (edoc_num, read_at, verified_at, reported_at, verification_id, viewing_system, log_digest, report_id, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (edoc_num) do nothing`
	tag, err := tx.Exec(ctx, insert, r.number.String(), r.readAt, v.verifiedAt, at, v.id, r.system, r.logDigest, reportID, tx.CommitID())
	if err != nil {
		return false, fmt.Errorf("insert read time of %s: %w", r.number, err)
	}
	return tag.RowsAffected() == 1, nil
}

func readReadTime(ctx context.Context, db pg.DBTX, number id.EdocNumber) (readTime, error) {
	const read = `select read_at, verification_id, log_digest from read_time where edoc_num = $1`
	var t readTime
	if err := db.QueryRow(ctx, read, number.String()).Scan(&t.readAt, &t.verification, &t.logDigest); err != nil {
		return readTime{}, fmt.Errorf("read the read time of %s: %w", number, err)
	}
	t.readAt = clock.Canonical(t.readAt)
	return t, nil
}

func insertReport(ctx context.Context, tx *journal.Tx, reportID uuid.UUID, r report, o outcome, at time.Time) error {
	const insert = `
		insert into read_report (id, edoc_num, verification_id, viewing_system, read_at, shown_hash, log_digest, outcome, reported_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	_, err := tx.Exec(ctx, insert, reportID, r.number.String(), r.verification, r.system, r.readAt, digestText(r.shown), r.logDigest, string(o), at,
		tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert read report of %s: %w", r.number, err)
	}
	return nil
}

package evidence

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	// MaxBody is the largest body in bytes.
	MaxBody = 4 << 20

	maxText  = 100 // characters of a text field
	entryTag = "naru.evidence.entry.v1\x00"
)

// Entry is one fact. ID, Kind, Subject, OccurredAt and PolicyVersion are required.
type Entry struct {
	// ID is a UUIDv7; its year decides the partition.
	ID uuid.UUID
	// Kind names the fact, e.g. "send_request_accepted".
	Kind string
	// Subject is what the fact is about: an edoc number, or a member, address or request id.
	Subject string
	// Tenant is the sender's tenant, Sender the sender, Actor who acted for it; empty where there is none.
	Tenant, Sender, Actor string
	// PolicyVersion is the version of the rules the unit decided by.
	PolicyVersion string
	// OccurredAt is kept in UTC, truncated to microseconds.
	OccurredAt time.Time
	// Body is the fact itself, at most MaxBody bytes, never personal data in clear.
	Body []byte
}

// Record is an entry as it is kept.
type Record struct {
	Entry
	// RecordedAt is the database's time when the entry was written.
	RecordedAt time.Time
	Digest     []byte
	// XID is the id of the transaction that wrote the entry.
	XID uint64
}

// Append adds entries in the caller's transaction, all by one statement. An entry that breaks a rule
// adds none. An id that exists already violates evidence_entry_pkey.
func Append(ctx context.Context, tx pgx.Tx, entries ...Entry) error {
	if len(entries) == 0 {
		return nil
	}
	cols := columnsOf(entries)
	for i, e := range entries {
		if err := e.check(); err != nil {
			return fmt.Errorf("append evidence entry %d of %d: %w", i+1, len(entries), err)
		}
	}
	// The database adds its own time to the encoding and finishes the digest.
	_, err := tx.Exec(ctx,
		`insert into evidence_entry
		        (id, kind, subject, tenant, sender, actor, policy_version, occurred_at, recorded_at, body, digest)
		 select u.id, u.kind, u.subject, u.tenant, u.sender, u.actor, u.policy_version, u.occurred_at,
		        statement_timestamp(), u.body,
		        sha256(u.prefix || int8send((extract(epoch from statement_timestamp()) * 1000000)::bigint))
		   from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
		               $8::timestamptz[], $9::bytea[], $10::bytea[])
		        as u(id, kind, subject, tenant, sender, actor, policy_version, occurred_at, body, prefix)`,
		cols.id, cols.kind, cols.subject, cols.tenant, cols.sender, cols.actor, cols.policy,
		cols.occurred, cols.body, cols.prefix)
	if err != nil {
		return fmt.Errorf("append %d evidence entries: %w", len(entries), err)
	}
	return nil
}

// BySubject reads the entries about a subject in the order of their ids, at most limit.
func BySubject(ctx context.Context, db pg.DBTX, subject string, limit int) ([]Record, error) {
	rows, err := db.Query(ctx,
		`select `+recordColumns+`
		   from evidence_entry
		  where subject = $1
		  order by id
		  limit $2`, subject, limit)
	if err != nil {
		return nil, fmt.Errorf("read evidence of a subject: %w", err)
	}
	records, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return nil, fmt.Errorf("read evidence of a subject: %w", err)
	}
	return records, nil
}

const recordColumns = `id, kind, subject, tenant, sender, actor, policy_version, occurred_at, recorded_at, body, digest, xid`

func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r Record
	err := row.Scan(&r.ID, &r.Kind, &r.Subject, &r.Tenant, &r.Sender, &r.Actor, &r.PolicyVersion,
		&r.OccurredAt, &r.RecordedAt, &r.Body, &r.Digest, &r.XID)
	r.OccurredAt, r.RecordedAt = clock.Canonical(r.OccurredAt), clock.Canonical(r.RecordedAt)
	return r, err
}

// ComputeDigest is the digest the record's fields call for; it differs from Digest if either was changed.
func (r Record) ComputeDigest() []byte {
	sum := sha256.Sum256(appendTime(r.prefix(), r.RecordedAt))
	return sum[:]
}

// prefix is the canonical encoding up to recorded_at (package comment).
func (e Entry) prefix() []byte {
	b := append([]byte(entryTag), e.ID[:]...)
	for _, text := range []string{e.Kind, e.Subject, e.Tenant, e.Sender, e.Actor, e.PolicyVersion} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text))) // bounded by check
		b = append(b, text...)
	}
	b = appendTime(b, e.OccurredAt)
	body := sha256.Sum256(e.Body)
	return append(b, body[:]...)
}

func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(clock.Canonical(t).UnixMicro())) // two's complement is the encoding
}

func (e Entry) check() error {
	if e.ID.Version() != 7 {
		return errors.New("id is not a UUIDv7")
	}
	if e.OccurredAt.IsZero() {
		return errors.New("occurred_at is missing")
	}
	if len(e.Body) > MaxBody {
		return fmt.Errorf("body is larger than %d bytes", MaxBody)
	}
	for _, f := range []struct {
		name, text string
		required   bool
	}{
		{"kind", e.Kind, true},
		{"subject", e.Subject, true},
		{"tenant", e.Tenant, false},
		{"sender", e.Sender, false},
		{"actor", e.Actor, false},
		{"policy_version", e.PolicyVersion, true},
	} {
		switch {
		case f.required && f.text == "":
			return fmt.Errorf("%s is missing", f.name)
		case !utf8.ValidString(f.text) || strings.ContainsRune(f.text, 0):
			return fmt.Errorf("%s is not text PostgreSQL can keep", f.name)
		case utf8.RuneCountInString(f.text) > maxText:
			return fmt.Errorf("%s is longer than %d characters", f.name, maxText)
		}
	}
	return nil
}

// columns are entries turned by ninety degrees, as unnest takes them.
type columns struct {
	id                                           []uuid.UUID
	kind, subject, tenant, sender, actor, policy []string
	occurred                                     []time.Time
	body, prefix                                 [][]byte
}

func columnsOf(entries []Entry) columns {
	var c columns
	for _, e := range entries {
		c.id = append(c.id, e.ID)
		c.kind = append(c.kind, e.Kind)
		c.subject = append(c.subject, e.Subject)
		c.tenant = append(c.tenant, e.Tenant)
		c.sender = append(c.sender, e.Sender)
		c.actor = append(c.actor, e.Actor)
		c.policy = append(c.policy, e.PolicyVersion)
		c.occurred = append(c.occurred, clock.Canonical(e.OccurredAt))
		body := e.Body
		if body == nil {
			body = []byte{} // nil would be NULL
		}
		c.body = append(c.body, body)
		c.prefix = append(c.prefix, e.prefix())
	}
	return c
}

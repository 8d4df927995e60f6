package intake

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// principalRow is a version of a principal.
type principalRow struct {
	id        uuid.UUID
	kind      int16
	suspended bool
	address   string
	senders   []uuid.UUID
	hosts     []string
	keys      []string
	name      string
	version   int64
	frame     uuid.UUID
}

// upsertPrincipals keeps principals that are newer than what is kept.
func upsertPrincipals(ctx context.Context, db pg.DBTX, newest map[uuid.UUID]principalRow) error {
	// One row per statement: the lists of senders differ in length, and PostgreSQL's nested arrays cannot hold such lists.
	const upsert = `
		insert into principal as p (id, kind, suspended, address, senders, hosts, version, frame_id, keys, name)
		values ($1, $2, $3, $4, $5::uuid[], $6, $7, $8, $9, $10)
		on conflict (id) do update
		set    kind = excluded.kind, suspended = excluded.suspended, address = excluded.address, senders = excluded.senders,
		       hosts = excluded.hosts, version = excluded.version, frame_id = excluded.frame_id, keys = excluded.keys, name = excluded.name
		where  p.version < excluded.version`
	rows := make([]principalRow, 0, len(newest))
	for _, row := range newest {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b principalRow) int { return bytes.Compare(a.id[:], b.id[:]) })
	for _, r := range rows {
		if _, err := db.Exec(ctx, upsert, r.id, r.kind, r.suspended, r.address, r.senders, r.hosts, r.version, r.frame, r.keys, r.name); err != nil {
			return fmt.Errorf("keep principal %s: %w", r.id, err)
		}
	}
	return nil
}

// addressRow is what is known of one address of an institution or a member; either half may be missing.
type addressRow struct {
	owner                 uuid.UUID
	address               string
	platform              *string
	validFrom, validUntil *time.Time
}

// mergeAddresses keeps the last registration and the last withdrawal of each address, in whatever order they come.
func mergeAddresses(ctx context.Context, db pg.DBTX, rows []addressRow) error {
	const merge = `
		insert into sender_address as a (owner, address, platform_id, valid_from, valid_until)
		values ($1, $2, $3, $4, $5)
		on conflict (owner, address) do update
		set    platform_id = case when excluded.valid_from >= coalesce(a.valid_from, '-infinity') then excluded.platform_id else a.platform_id end,
		       valid_from  = greatest(a.valid_from, excluded.valid_from),
		       valid_until = greatest(a.valid_until, excluded.valid_until)`
	slices.SortStableFunc(rows, func(a, b addressRow) int {
		return cmp.Or(bytes.Compare(a.owner[:], b.owner[:]), cmp.Compare(a.address, b.address))
	})
	for _, r := range rows {
		if _, err := db.Exec(ctx, merge, r.owner, r.address, r.platform, r.validFrom, r.validUntil); err != nil {
			return fmt.Errorf("keep address of %s: %w", r.owner, err)
		}
	}
	return nil
}

// membershipRow is what was recorded of an institution's archive memberships.
type membershipRow struct {
	principal uuid.UUID
	sealed    []byte
	version   int64
	frame     uuid.UUID
}

// upsertMemberships keeps memberships that are newer than what is kept.
func upsertMemberships(ctx context.Context, tx *journal.Tx, newest map[uuid.UUID]membershipRow) error {
	const upsert = `
		insert into archive_membership as m (principal, sealed, version, frame_id)
		select * from unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::uuid[])
		on conflict (principal) do update
		set    sealed = excluded.sealed, version = excluded.version, frame_id = excluded.frame_id
		where  m.version < excluded.version`
	rows := slices.SortedFunc(maps.Values(newest), func(a, b membershipRow) int { return bytes.Compare(a.principal[:], b.principal[:]) })
	return pg.Exec(ctx, tx, fmt.Sprintf("keep archive memberships of %d institutions", len(rows)), upsert,
		pg.Column(rows, func(r membershipRow) uuid.UUID { return r.principal }),
		pg.Column(rows, func(r membershipRow) []byte { return r.sealed }),
		pg.Column(rows, func(r membershipRow) int64 { return r.version }),
		pg.Column(rows, func(r membershipRow) uuid.UUID { return r.frame }))
}

func readSender(ctx context.Context, db pg.DBTX, tenant uuid.UUID, now time.Time) (senderRecord, error) {
	// An address is registered from its newest registration on, unless it was withdrawn after that. If several are registered,
	// the one the gateway names counts.
	const read = `
		select p.suspended, a.address, a.platform_id, a.valid_from, m.sealed
		from   principal p
		left   join archive_membership m on m.principal = p.id
		left   join lateral (
		         select s.address, s.platform_id, s.valid_from
		         from   sender_address s
		         where  s.owner = p.id
		           and  s.valid_from <= $3
		           and  (s.valid_until is null or s.valid_until < s.valid_from)
		         order  by s.address = p.address desc, s.valid_from desc, s.address
		         limit  1) a on true
		where  p.id = $1 and p.kind = $2`
	var record senderRecord
	var address, platform *string
	var validFrom *time.Time
	into := []any{&record.suspended, &address, &platform, &validFrom, &record.sealed}
	if _, err := pg.Scan(ctx, db, "read sender", into, read, tenant, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER), now); err != nil {
		return senderRecord{}, err
	}
	if address != nil && platform != nil && validFrom != nil {
		record.address = &senderAddress{address: *address, platform: *platform, validFrom: clock.Canonical(*validFrom)}
	}
	return record, nil
}

// readMember reads the certified address of a member, the newest that is registered.
func readMember(ctx context.Context, db pg.DBTX, member uuid.UUID, now time.Time) (senderRecord, error) {
	const read = `
		select address, platform_id, valid_from
		from   sender_address
		where  owner = $1
		  and  valid_from <= $2
		  and  (valid_until is null or valid_until < valid_from)
		order  by valid_from desc, address
		limit  1`
	var of senderAddress
	found, err := pg.Scan(ctx, db, "read the address of a member", []any{&of.address, &of.platform, &of.validFrom}, read, member, now)
	if err != nil || !found {
		return senderRecord{}, err
	}
	of.validFrom = clock.Canonical(of.validFrom)
	return senderRecord{address: &of}, nil
}

// viewingSystem is one that serves a sender.
type viewingSystem struct {
	ID    uuid.UUID
	Hosts []string
}

func readServing(ctx context.Context, db pg.DBTX, tenant uuid.UUID, systems []uuid.UUID) ([]viewingSystem, error) {
	const read = `
		select id, hosts
		from   principal
		where  id = any($1::uuid[]) and kind = $2 and not suspended and $3::uuid = any(senders)`
	return pg.All(ctx, db, "read viewing systems", pgx.RowToStructByPos[viewingSystem], read, systems, int16(platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM), tenant)
}

package address

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
)

// authority is a person's right to act for an organisation.
type authority struct {
	id, organisation uuid.UUID
	role             addressv1.AuthorityRole
	rights           rights
	// changes counts how often the rights have been changed.
	changes int32
	// person is uuid.Nil for who was named and has not proved who it is.
	person uuid.UUID
	named  match
	// sealed is the person's name.
	sealed    []byte
	grantedBy string
	grantedAt time.Time
	endedAt   *time.Time
	endedBy   string
	reason    string
}

const authorityHead = `
	select a.id, a.organisation, a.role, a.rights, a.changes, coalesce(a.person, '00000000-0000-0000-0000-000000000000'), a.person_key, a.person_key_2, a.sealed, a.granted_by,
	       a.granted_at, a.ended_at, coalesce(a.ended_by, ''), a.reason
	from   authority a`

func scanAuthority(row pgx.CollectableRow) (authority, error) {
	a := authority{named: match{kind: matchPerson}}
	err := row.Scan(&a.id, &a.organisation, &a.role, &a.rights, &a.changes, &a.person, &a.named.key, &a.named.second, &a.sealed, &a.grantedBy, &a.grantedAt, &a.endedAt, &a.endedBy, &a.reason)
	return a, err
}

// ofPerson restricts to the authorities in force of a person ($1) or of identities that are the same person. Who was named is
// found by name, birth date and phone, unless several persons have these.
const ofPerson = ` where a.ended_at is null and (
	       a.person in (select recipient from identity where recipient = $1 or merged_into = $1)
	    or a.person is null and a.person_key = (select p.person_key from identity p where p.recipient = $1)
	       and not exists (select from identity p where p.person_key = a.person_key and p.recipient <> $1 and p.merged_into is null))`

// authoritiesOf gives the authorities in force of a person.
func authoritiesOf(ctx context.Context, db pg.DBTX, person uuid.UUID) ([]authority, error) {
	return pg.All(ctx, db, fmt.Sprintf("list authorities of %s", person), scanAuthority, authorityHead+ofPerson+` order by a.organisation, a.role`, person)
}

// authorityFor gives a person's authority in force for an organisation, the greater one if there are two.
func authorityFor(ctx context.Context, db pg.DBTX, person, organisation uuid.UUID) (authority, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read authority of %s", person), scanAuthority,
		authorityHead+ofPerson+` and a.organisation = $2 order by a.role, a.person is null limit 1`, person, organisation)
}

// authorityNamed gives the authority in force of who was named or proved by these data.
func authorityNamed(ctx context.Context, db pg.DBTX, organisation uuid.UUID, named match) (authority, bool, error) {
	return pg.Find(ctx, db, "read authority of a named person", scanAuthority,
		authorityHead+` where a.organisation = $1 and a.person_key = $2 and a.ended_at is null`, organisation, named.key)
}

func readAuthority(ctx context.Context, db pg.DBTX, organisation, id uuid.UUID) (authority, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read authority %s", id), scanAuthority, authorityHead+` where a.organisation = $1 and a.id = $2`, organisation, id)
}

// listAuthorities gives at most n of an organisation's, oldest first, after an id; ids are ordered by time of granting.
func listAuthorities(ctx context.Context, db pg.DBTX, organisation, after uuid.UUID, n int) ([]authority, error) {
	return pg.All(ctx, db, fmt.Sprintf("list authorities for %s", organisation), scanAuthority,
		authorityHead+` where a.organisation = $1 and a.id > $2 order by a.id limit $3`, organisation, after, n)
}

// countAuthorities counts those in force, and those of representatives among them.
func countAuthorities(ctx context.Context, db pg.DBTX, organisation uuid.UUID) (all, representatives int, err error) {
	const count = `select count(*), count(*) filter (where role = 1) from authority where organisation = $1 and ended_at is null`
	_, err = pg.Scan(ctx, db, "count authorities", []any{&all, &representatives}, count, organisation)
	return all, representatives, err
}

// insertAuthority grants one. The caller has locked the organisation's identity and found none in force for the person.
func insertAuthority(ctx context.Context, tx *journal.Tx, a authority) error {
	const insert = `
		insert into authority (id, organisation, role, rights, person, person_key, person_key_2, sealed, granted_by, granted_at, commit_id)
		values ($1, $2, $3, $4, nullif($5, '00000000-0000-0000-0000-000000000000'::uuid), $6, $7, $8, $9, $10, $11)`
	return pg.Exec(ctx, tx, fmt.Sprintf("insert authority %s", a.id), insert, a.id, a.organisation, a.role, a.rights, a.person, a.named.key, a.named.second, a.sealed,
		a.grantedBy, a.grantedAt, tx.CommitID())
}

// setAuthorityTaken writes who the named person is.
func setAuthorityTaken(ctx context.Context, tx *journal.Tx, id, person uuid.UUID) error {
	const update = `update authority set person = $2, commit_id = $3 where id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("take authority %s", id), update, id, person, tx.CommitID())
}

// setAuthorityRights writes what it gives.
func setAuthorityRights(ctx context.Context, tx *journal.Tx, a authority) error {
	const update = `update authority set rights = $2, changes = $3, commit_id = $4 where id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("set rights of authority %s", a.id), update, a.id, a.rights, a.changes, tx.CommitID())
}

// setAuthorityEnded ends one.
func setAuthorityEnded(ctx context.Context, tx *journal.Tx, a authority) error {
	const update = `update authority set ended_at = $2, ended_by = $3, reason = $4, commit_id = $5 where id = $1`
	return pg.Exec(ctx, tx, fmt.Sprintf("end authority %s", a.id), update, a.id, a.endedAt, a.endedBy, a.reason, tx.CommitID())
}

package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

func insertPrincipal(ctx context.Context, tx *journal.Tx, p principal) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert principal %s", p.ID), `
		insert into principal (id, kind, name, suspended, version, created_at, commit_id)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		p.ID, kindText(p.Kind), p.Name, p.Suspended, p.Version, p.CreatedAt, tx.CommitID())
}

// insertInstitution: an address that is taken is the fault ADDRESS_TAKEN.
func insertInstitution(ctx context.Context, tx *journal.Tx, i institution) error {
	_, err := tx.Exec(ctx, `
		insert into institution (principal, business_number, type, address, commit_id)
		values ($1, $2, $3, $4, $5)`,
		i.ID, i.BusinessNumber, i.Type, i.Address, tx.CommitID())
	if err != nil {
		return fmt.Errorf("insert institution %s: %w", i.ID, pg.AsFault(err, map[string]*fault.Error{"institution_address_key": addressTaken()}))
	}
	return nil
}

const institutionColumns = `
		select p.id, p.kind, p.name, p.suspended, p.version, p.created_at, i.business_number, i.type, i.address, r.state, r.submission
		  from institution i
		  join principal p on p.id = i.principal
		  join address_registration r on r.principal = i.principal`

func scanInstitution(row pgx.CollectableRow) (institution, error) {
	var i institution
	var kind string
	err := row.Scan(&i.ID, &kind, &i.Name, &i.Suspended, &i.Version, &i.CreatedAt, &i.BusinessNumber, &i.Type, &i.Address, &i.Registration,
		&i.Submission)
	i.Kind = kindOfText(kind)
	return i, err
}

func institutionBy(ctx context.Context, db pg.DBTX, condition string, arg any) (institution, bool, error) {
	return pg.Find(ctx, db, "read institution", scanInstitution, institutionColumns+condition, arg)
}

func institutionByID(ctx context.Context, db pg.DBTX, id uuid.UUID) (institution, bool, error) {
	return institutionBy(ctx, db, ` where i.principal = $1`, id)
}

func institutionByAddress(ctx context.Context, db pg.DBTX, address string) (institution, bool, error) {
	return institutionBy(ctx, db, ` where i.address = $1`, address)
}

// listInstitutions gives at most n, newest first, those made before the given one; ids are ordered by time of making.
func listInstitutions(ctx context.Context, db pg.DBTX, before uuid.UUID, n int) ([]institution, error) {
	return pg.All(ctx, db, "list institutions", scanInstitution, institutionColumns+`
		 where i.principal < $1
		 order by i.principal desc
		 limit $2`, before, n)
}

// countInstitutions tells how many of the ids are institutions.
func countInstitutions(ctx context.Context, db pg.DBTX, ids []uuid.UUID) (int, error) {
	return pg.Value[int](ctx, db, "count institutions", `select count(*) from institution where principal = any($1)`, ids)
}

func insertServedSenders(ctx context.Context, tx *journal.Tx, system uuid.UUID, senders []uuid.UUID) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert senders of viewing system %s", system), `
		insert into viewing_system_sender (viewing_system, sender, commit_id)
		select $1, s, $3 from unnest($2::uuid[]) as s`, system, senders, tx.CommitID())
}

// lockPrincipal reads a principal and keeps others from changing its clients meanwhile.
func lockPrincipal(ctx context.Context, db pg.DBTX, id uuid.UUID) (principal, bool, error) {
	p := principal{ID: id}
	var kind string
	if known, err := pg.Scan(ctx, db, fmt.Sprintf("read principal %s", id), []any{&kind, &p.Name, &p.Suspended, &p.Version, &p.CreatedAt}, `
		select kind, name, suspended, version, created_at
		  from principal
		 where id = $1
		   for update`, id); err != nil || !known {
		return principal{}, false, err
	}
	p.Kind = kindOfText(kind)
	return p, true, nil
}

func adminExists(ctx context.Context, db pg.DBTX) (bool, error) {
	return pg.Value[bool](ctx, db, "look for an operator", `select exists (select from principal where kind = 'admin')`)
}

func insertClient(ctx context.Context, tx *journal.Tx, c client) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("insert client of %s", c.Principal), `
		insert into client (id, principal, scopes, secret_digest, public_jwk, created_at, commit_id)
		values ($1, $2, $3, $4, nullif($5, ''), $6, $7)`,
		c.ID, c.Principal, c.Scopes, c.SecretDigest, c.PublicJWK, c.CreatedAt, tx.CommitID())
}

func clientByID(ctx context.Context, db pg.DBTX, id string) (client, bool, error) {
	c := client{ID: id}
	var kind string
	if known, err := pg.Scan(ctx, db, "read client", []any{&c.Principal, &kind, &c.Suspended, &c.Scopes, &c.SecretDigest, &c.PublicJWK, &c.CreatedAt, &c.RevokedAt}, `
		select c.principal, p.kind, p.suspended, c.scopes, c.secret_digest, coalesce(c.public_jwk, ''), c.created_at, c.revoked_at
		  from client c
		  join principal p on p.id = c.principal
		 where c.id = $1`, id); err != nil || !known {
		return client{}, false, err
	}
	c.Kind = kindOfText(kind)
	return c, true, nil
}

func countClients(ctx context.Context, db pg.DBTX, owner uuid.UUID) (int, error) {
	return pg.Value[int](ctx, db, fmt.Sprintf("count clients of %s", owner), `select count(*) from client where principal = $1 and revoked_at is null`, owner)
}

// revokeClient tells whose client it was and whether this call revoked it; found is false where there is none.
func revokeClient(ctx context.Context, tx *journal.Tx, id string, now time.Time) (owner uuid.UUID, revoked, found bool, err error) {
	known, err := pg.Scan(ctx, tx, "revoke client", []any{&owner, &revoked}, `
		with revoked as (
		    update client set revoked_at = $2, commit_id = $3 where id = $1 and revoked_at is null returning id
		)
		select c.principal, exists (select from revoked)
		  from client c
		 where c.id = $1`, id, now, tx.CommitID())
	return owner, revoked, known, err
}

// useAssertion remembers an assertion; false when it was used before.
func useAssertion(ctx context.Context, db pg.DBTX, clientID, jti string, expiresAt time.Time) (bool, error) {
	return pg.Changed(ctx, db, "remember client assertion", `
		insert into client_assertion (client, jti, expires_at)
		values ($1, $2, $3)
		on conflict do nothing`, clientID, jti, expiresAt)
}

func forgetAssertions(ctx context.Context, db pg.DBTX, expiredBefore time.Time) error {
	return pg.Exec(ctx, db, "forget client assertions", `delete from client_assertion where expires_at < $1`, expiredBefore)
}

package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// insertPrincipal inserts a principal and reports whether it is new.
func insertPrincipal(ctx context.Context, tx *journal.Tx, p principal) (made bool, err error) {
	return pg.Changed(ctx, tx, fmt.Sprintf("insert principal %s", p.ID), `
		insert into principal (id, kind, name, suspended, senders, hosts, version, created_at, commit_id)
		values ($1, $2, nullif($3, ''), $4, coalesce($5::uuid[], '{}'), coalesce($6::text[], '{}'), $7, $8, $9)
		on conflict (id) do nothing`,
		p.ID, authn.KindName(p.Kind), p.Name, p.Suspended, p.Senders, p.Hosts, p.Version, p.CreatedAt, tx.CommitID())
}

// lockPrincipal reads what a principal is and keeps others from changing its clients meanwhile.
func lockPrincipal(ctx context.Context, db pg.DBTX, id uuid.UUID) (principal, bool, error) {
	var kind string
	known, err := pg.Scan(ctx, db, fmt.Sprintf("read principal %s", id), []any{&kind}, `select kind from principal where id = $1 for update`, id)
	return principal{ID: id, Kind: authn.KindNamed(kind)}, known, err
}

// operatorClients are the credentials by which somebody can operate this relay.
func operatorClients(ctx context.Context, db pg.DBTX) ([]client, error) {
	var found []client
	c := client{Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_ADMIN}
	err := pg.Each(ctx, db, "look for operators", []any{&c.ID, &c.Principal}, func() error {
		found = append(found, c)
		return nil
	}, `
		select c.id, c.principal
		  from client c
		  join principal p on p.id = c.principal
		 where p.kind = 'admin' and not p.suspended and c.revoked_at is null and 'admin' = any(c.scopes)
		 order by c.id`)
	return found, err
}

// operatorsLock is the number of the lock of lockOperators ("naru", "gway").
const operatorsLock = 0x6e617275_67776179

// lockOperators keeps others, also replicas that start at the same time, from making operators and ending their credentials
// meanwhile.
func lockOperators(ctx context.Context, db pg.DBTX) error {
	return pg.Exec(ctx, db, "lock operators", `select pg_advisory_xact_lock($1)`, int64(operatorsLock))
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
	c.Kind = authn.KindNamed(kind)
	return c, true, nil
}

func countClients(ctx context.Context, db pg.DBTX, owner uuid.UUID) (int, error) {
	return pg.Value[int](ctx, db, fmt.Sprintf("count clients of %s", owner), `select count(*) from client where principal = $1 and revoked_at is null`, owner)
}

// revokeClient returns whose client it was and whether this call revoked it; found is false if there is none.
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

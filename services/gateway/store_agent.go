package gateway

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const agentColumns = `
	select id, name, suspended, version, created_at
	  from principal
	 where kind = 'agent'`

func scanAgent(row pgx.CollectableRow) (principal, error) {
	p := principal{Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT}
	err := row.Scan(&p.ID, &p.Name, &p.Suspended, &p.Version, &p.CreatedAt)
	return p, err
}

func readAgent(ctx context.Context, db pg.DBTX, id uuid.UUID) (principal, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read agent %s", id), scanAgent, agentColumns+` and id = $1`, id)
}

// listAgents gives at most n, newest first, those made before the given one; ids are ordered by time of making.
func listAgents(ctx context.Context, db pg.DBTX, before uuid.UUID, n int) ([]principal, error) {
	return pg.All(ctx, db, "list agents", scanAgent, agentColumns+` and id < $1 order by id desc limit $2`, before, n)
}

// lockInstitution reads a sender, and the commit that last stated it, and keeps others from changing it meanwhile.
func lockInstitution(ctx context.Context, db pg.DBTX, id uuid.UUID) (p principal, commit uuid.UUID, known bool, err error) {
	p = principal{ID: id, Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_SENDER}
	known, err = pg.Scan(ctx, db, fmt.Sprintf("lock institution %s", id), []any{&p.Suspended, &p.Keys, &p.Version, &p.CreatedAt, &commit}, `
		select suspended, authorisation_keys, version, created_at, commit_id
		  from principal
		 where kind = 'sender' and id = $1
		   for update`, id)
	return p, commit, known, err
}

// updateKeys keeps other keys, and the version that they are.
func updateKeys(ctx context.Context, tx *journal.Tx, p principal) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("update the keys of %s", p.ID), `
		update principal
		   set authorisation_keys = coalesce($2::text[], '{}'), version = $3, commit_id = $4
		 where id = $1`, p.ID, p.Keys, p.Version, tx.CommitID())
}

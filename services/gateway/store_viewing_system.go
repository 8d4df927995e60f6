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

const viewingSystemColumns = `
	select id, name, suspended, senders, hosts, version, created_at
	  from principal
	 where kind = 'viewing_system'`

func scanViewingSystem(row pgx.CollectableRow) (principal, error) {
	p := principal{Kind: platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM}
	err := row.Scan(&p.ID, &p.Name, &p.Suspended, &p.Senders, &p.Hosts, &p.Version, &p.CreatedAt)
	return p, err
}

// countSenders returns how many of the ids are senders.
func countSenders(ctx context.Context, db pg.DBTX, ids []uuid.UUID) (int, error) {
	return pg.Value[int](ctx, db, "count senders", `select count(*) from principal where id = any($1) and kind = 'sender'`, ids)
}

func readViewingSystem(ctx context.Context, db pg.DBTX, id uuid.UUID) (principal, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("read viewing system %s", id), scanViewingSystem, viewingSystemColumns+` and id = $1`, id)
}

// lockViewingSystem reads a viewing system and keeps others from changing it meanwhile.
func lockViewingSystem(ctx context.Context, db pg.DBTX, id uuid.UUID) (principal, bool, error) {
	return pg.Find(ctx, db, fmt.Sprintf("lock viewing system %s", id), scanViewingSystem, viewingSystemColumns+` and id = $1 for update`, id)
}

// listViewingSystems gives at most n, newest first, those made before the given one; ids are ordered by time of making.
func listViewingSystems(ctx context.Context, db pg.DBTX, before uuid.UUID, n int) ([]principal, error) {
	return pg.All(ctx, db, "list viewing systems", scanViewingSystem, viewingSystemColumns+` and id < $1 order by id desc limit $2`, before, n)
}

// updateViewingSystem keeps another name, other senders and hosts, and the version that they are.
func updateViewingSystem(ctx context.Context, tx *journal.Tx, p principal) error {
	return pg.Exec(ctx, tx, fmt.Sprintf("update viewing system %s", p.ID), `
		update principal
		   set name = $2, senders = $3, hosts = coalesce($4::text[], '{}'), version = $5, commit_id = $6
		 where id = $1`, p.ID, p.Name, p.Senders, p.Hosts, p.Version, tx.CommitID())
}

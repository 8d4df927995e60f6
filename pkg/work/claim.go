package work

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// ErrLost says that a result came too late: the lease had run out and somebody else has claimed the work, or it is done. The
// caller keeps the result as evidence and changes nothing.
var ErrLost = errors.New("the work is no longer ours")

// Lease is what a claim asks for.
type Lease struct {
	// Owner names this replica, unique among those running, e.g. a UUID made at its start.
	Owner string
	// For is how long the claim holds; it must be longer than the work may take.
	For time.Duration
	// Limit is the greatest number of rows.
	Limit int
}

// Claim runs the caller's claiming statement and collects the rows it returns. The statement sees @owner, @lease (interval),
// @limit and whatever args add; it must be one "update … returning" so that a claim is a short transaction of its own.
func Claim[T any](ctx context.Context, db pg.DBTX, sql string, lease Lease, args pgx.NamedArgs, row pgx.RowToFunc[T]) ([]T, error) {
	all := pgx.NamedArgs{"owner": lease.Owner, "lease": lease.For, "limit": lease.Limit}
	for name, value := range args {
		all[name] = value
	}
	return pg.All(ctx, db, "claim work", row, sql, all)
}

// Settle runs the statement that writes a result under the condition that the attempt is still ours. If it changes no row the
// result is ErrLost.
func Settle(ctx context.Context, db pg.DBTX, sql string, args pgx.NamedArgs) error {
	changed, err := pg.Count(ctx, db, "settle work", sql, args)
	if err == nil && changed == 0 {
		return ErrLost
	}
	return err
}

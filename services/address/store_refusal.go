package address

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

// refusal is an address that the hub refuses, and when it is asked again; askedAgainAt is nil if it is not.
type refusal struct {
	registration
	askedAgainAt *time.Time
}

// refusedPlace is where a list of refused addresses goes on.
type refusedPlace struct {
	RefusedAt time.Time
	Address   string
}

// listRefused gives at most n that are not given up, those refused first before the others.
func listRefused(ctx context.Context, db pg.DBTX, after refusedPlace, n int) ([]refusal, error) {
	const list = `
		select a.address, coalesce(a.recipient, '00000000-0000-0000-0000-000000000000'), coalesce(a.principal, '00000000-0000-0000-0000-000000000000'),
		       a.refusal, a.refused_at, d.due_at
		from   address a
		left   join due_address d on d.address = a.address
		where  a.state = 'refused' and a.given_up_at is null and (a.refused_at, a.address) > ($1, $2)
		order  by a.refused_at, a.address
		limit  $3`
	scan := func(row pgx.CollectableRow) (refusal, error) {
		one := refusal{registration: registration{state: addressRefused}}
		return one, row.Scan(&one.address, &one.recipient, &one.principal, &one.refusal, &one.refusedAt, &one.askedAgainAt)
	}
	return pg.All(ctx, db, "list refused addresses", scan, list, after.RefusedAt, after.Address, n)
}

package work

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/pg"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations makes the table of due rows in a unit's schema.
func Migrations() pg.Source { return pg.Source{Name: "work", FS: migrations} }

// Due is something that happens at a time unless it is cleared before.
type Due struct {
	// Key names what falls due within its kind, e.g. an edoc number.
	Key string
	At  time.Time
}

// SetDue sets when things of a kind fall due; a key that is set already gets the new time. A key must
// not occur twice.
func SetDue(ctx context.Context, db pg.DBTX, kind string, dues ...Due) error {
	if len(dues) == 0 {
		return nil
	}
	// Sorted, so that two transactions never wait for each other crosswise.
	dues = slices.SortedFunc(slices.Values(dues), func(a, b Due) int { return strings.Compare(a.Key, b.Key) })
	keys, times := make([]string, len(dues)), make([]time.Time, len(dues))
	for i, d := range dues {
		keys[i], times[i] = d.Key, d.At
	}
	_, err := db.Exec(ctx,
		`insert into due (kind, key, due_at)
		 select $1, u.key, u.due_at
		   from unnest($2::text[], $3::timestamptz[]) as u(key, due_at)
		 on conflict (kind, key) do update
		    set due_at = excluded.due_at
		  where due.due_at <> excluded.due_at`, kind, keys, times)
	if err != nil {
		return fmt.Errorf("set due %s: %w", kind, err)
	}
	return nil
}

// ClearDue forgets things of a kind; keys that are not set are no error.
func ClearDue(ctx context.Context, db pg.DBTX, kind string, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := db.Exec(ctx,
		`delete from due d
		  using (select kind, key
		           from due
		          where kind = $1 and key = any ($2::text[])
		          order by key
		            for update) c
		  where d.kind = c.kind and d.key = c.key`, kind, keys)
	if err != nil {
		return fmt.Errorf("clear due %s: %w", kind, err)
	}
	return nil
}

// TakeDue takes at most limit things of a kind that are due at now, the oldest first, and removes them
// with the transaction: if that is rolled back they are due again. Things another transaction is
// taking, setting or clearing are left to it. now is the unit's clock, by which deadlines were set.
func TakeDue(ctx context.Context, tx pgx.Tx, kind string, now time.Time, limit int) ([]Due, error) {
	rows, err := tx.Query(ctx,
		`with taken as (
		   delete from due d
		    using (select kind, key
		             from due
		            where kind = $1 and due_at <= $2
		            order by due_at, key
		            limit $3
		              for update skip locked) c
		    where d.kind = c.kind and d.key = c.key
		   returning d.key, d.due_at)
		 select key, due_at from taken order by due_at, key`, kind, now, limit)
	if err != nil {
		return nil, fmt.Errorf("take due %s: %w", kind, err)
	}
	dues, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Due, error) {
		var d Due
		err := row.Scan(&d.Key, &d.At)
		d.At = d.At.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("take due %s: %w", kind, err)
	}
	return dues, nil
}

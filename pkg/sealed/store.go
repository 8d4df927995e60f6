package sealed

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/pg"
)

// row is one wrapped key.
type row struct {
	id      uuid.UUID
	purpose Purpose
	// month is the first day of a UTC month; zero for index keys and for keys made elsewhere.
	month    time.Time
	wrapped  []byte
	madeHere bool
	created  time.Time
	// ends is zero for a key that is kept.
	ends time.Time
}

// store keeps wrapped keys.
type store interface {
	// insert adds r unless its id, or a key made here for its purpose and month, is already there.
	insert(ctx context.Context, r row) error
	// made gives the key made here for a purpose and month; false when there is none.
	made(ctx context.Context, p Purpose, month time.Time) (row, bool, error)
	// byID gives any key; false when there is none.
	byID(ctx context.Context, keyID uuid.UUID) (row, bool, error)
	// forget deletes the keys whose time is over and returns their ids.
	forget(ctx context.Context, now time.Time) ([]uuid.UUID, error)
}

type pgStore struct {
	db pg.DBTX
}

const sqlInsert = `
insert into sealed_key (key_id, purpose, month, wrapped, made_here, created_at, ends_at)
values                 ($1,     $2,      $3,    $4,      $5,        $6,         $7)
on conflict do nothing`

func (s pgStore) insert(ctx context.Context, r row) error {
	return pg.Exec(ctx, s.db, fmt.Sprintf("keeping sealed key %s", r.id), sqlInsert, r.id, string(r.purpose), pg.OrNull(r.month), r.wrapped, r.madeHere,
		r.created, pg.OrNull(r.ends))
}

const sqlMade = `
select key_id, purpose, wrapped, made_here, ends_at
from   sealed_key
where  purpose = $1
and    month is not distinct from $2
and    made_here`

func (s pgStore) made(ctx context.Context, p Purpose, month time.Time) (row, bool, error) {
	return s.one(ctx, sqlMade, string(p), pg.OrNull(month))
}

const sqlByID = `
select key_id, purpose, wrapped, made_here, ends_at
from   sealed_key
where  key_id = $1`

func (s pgStore) byID(ctx context.Context, keyID uuid.UUID) (row, bool, error) {
	return s.one(ctx, sqlByID, keyID)
}

func (s pgStore) forget(ctx context.Context, now time.Time) ([]uuid.UUID, error) {
	return pg.Value[[]uuid.UUID](ctx, s.db, "forgetting sealed keys", `select forget_sealed_keys($1)`, now)
}

func (s pgStore) one(ctx context.Context, sql string, args ...any) (r row, known bool, err error) {
	var ends *time.Time
	known, err = pg.Scan(ctx, s.db, "reading a sealed key", []any{&r.id, &r.purpose, &r.wrapped, &r.madeHere, &ends}, sql, args...)
	r.ends = pg.OrZero(ends)
	return r, known, err
}

package sealed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// DB runs single statements: a pool, not a transaction, because a key must stay when the work that needed it first does not.
type DB interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

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
	// forget deletes the keys whose time is over and tells their ids.
	forget(ctx context.Context, now time.Time) ([]uuid.UUID, error)
}

type pgStore struct {
	db DB
}

const sqlInsert = `
insert into sealed_key (key_id, purpose, month, wrapped, made_here, created_at, ends_at)
values                 ($1,     $2,      $3,    $4,      $5,        $6,         $7)
on conflict do nothing`

func (s pgStore) insert(ctx context.Context, r row) error {
	_, err := s.db.Exec(ctx, sqlInsert, r.id, string(r.purpose), nullable(r.month), r.wrapped, r.madeHere, r.created, nullable(r.ends))
	if err != nil {
		return fmt.Errorf("keeping sealed key %s: %w", r.id, err)
	}
	return nil
}

const sqlMade = `
select key_id, purpose, wrapped, made_here
from   sealed_key
where  purpose = $1
and    month is not distinct from $2
and    made_here`

func (s pgStore) made(ctx context.Context, p Purpose, month time.Time) (row, bool, error) {
	return scan(s.db.QueryRow(ctx, sqlMade, string(p), nullable(month)))
}

const sqlByID = `
select key_id, purpose, wrapped, made_here
from   sealed_key
where  key_id = $1`

func (s pgStore) byID(ctx context.Context, keyID uuid.UUID) (row, bool, error) {
	return scan(s.db.QueryRow(ctx, sqlByID, keyID))
}

func (s pgStore) forget(ctx context.Context, now time.Time) ([]uuid.UUID, error) {
	var gone []uuid.UUID
	if err := s.db.QueryRow(ctx, `select forget_sealed_keys($1)`, now).Scan(&gone); err != nil {
		return nil, fmt.Errorf("forgetting sealed keys: %w", err)
	}
	return gone, nil
}

func scan(result pgx.Row) (row, bool, error) {
	var r row
	var purpose string
	err := result.Scan(&r.id, &purpose, &r.wrapped, &r.madeHere)
	if errors.Is(err, pgx.ErrNoRows) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, fmt.Errorf("reading a sealed key: %w", err)
	}
	r.purpose = Purpose(purpose)
	return r, true, nil
}

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

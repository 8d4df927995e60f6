package sealed

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func source() pg.Source { return pg.Source{Name: "sealed", FS: Migrations} }

func ring(t *testing.T, unit string, db *pgxpool.Pool, kek tink.AEAD, source KeySource) *Keyring {
	t.Helper()
	k, err := New(depsOf(unit, Deps{DB: db, KEK: kek, Clock: clock.NewFake(time.Date(2026, 5, 17, 0, 0, 0, 0, time.UTC)), Source: source}))
	require.NoError(t, err)
	return k
}

// On a real database, a maker and a reader with separate schemas exchange a value, and replicas find the stored keys.
func TestDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.NewDatabase(t,
		pgtest.Schema{Name: "intake", Sources: []pg.Source{source()}}, pgtest.Schema{Name: "viewing", Sources: []pg.Source{source()}})
	intakeKEK, viewingKEK := newKEK(t), newKEK(t)
	maker := ring(t, "intake", db.Schemas["intake"].App, intakeKEK, nil)
	value, err := maker.Box().Seal(t.Context(), testTitle, "d", []byte("text"))
	require.NoError(t, err)

	restarted := ring(t, "intake", db.Schemas["intake"].App, intakeKEK, nil)
	calls := 0
	ask := func(ctx context.Context, _ string, keyID uuid.UUID) (Key, error) {
		calls++
		return restarted.Export(ctx, keyID, "viewing")
	}
	for range 2 {
		got, err := ring(t, "viewing", db.Schemas["viewing"].App, viewingKEK, ask).Box().Open(t.Context(), testTitle, "d", value)
		require.NoError(t, err)
		require.Equal(t, "text", string(got))
	}
	require.Equal(t, 1, calls)

	var purpose, month string
	var made bool
	const query = `select purpose, coalesce(month::text, ''), made_here from sealed_key`
	require.NoError(t, db.Schemas["intake"].Owner.QueryRow(t.Context(), query).Scan(&purpose, &month, &made))
	require.Equal(t, []any{"intake.title", "2026-05-01", true}, []any{purpose, month, made})
	require.NoError(t, db.Schemas["viewing"].Owner.QueryRow(t.Context(), query).Scan(&purpose, &month, &made))
	require.Equal(t, []any{"intake.title", "", false}, []any{purpose, month, made})
}

// On a real database, replicas that create a key at the same time end up with one, for months and for indexes.
func TestDatabaseRace(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "address", source())
	kek := newKEK(t)
	const replicas = 12
	blind, ids := make([]string, replicas), make([]uuid.UUID, replicas)
	var wg sync.WaitGroup
	for i := range replicas {
		k := ring(t, "address", db.App, kek, nil)
		wg.Go(func() {
			if b, err := k.Index().Blind(t.Context(), testBlindCI, "x"); err == nil {
				blind[i] = string(b)
			}
			if value, err := k.Box().Seal(t.Context(), testMember, "m", nil); err == nil {
				ids[i], _ = keyIDOf(value)
			}
		})
	}
	wg.Wait()
	for i := range replicas {
		require.NotEmpty(t, blind[i])
		require.Equal(t, blind[0], blind[i])
		require.NotEqual(t, uuid.Nil, ids[i])
		require.Equal(t, ids[0], ids[i])
	}
	var rows int
	require.NoError(t, db.Owner.QueryRow(t.Context(), `select count(*) from sealed_key`).Scan(&rows))
	require.Equal(t, 2, rows)
}

// The unit's role can add and read keys, but neither change nor delete one.
func TestDatabaseRights(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "intake", source())
	require.NoError(t, ring(t, "intake", db.App, newKEK(t), nil).Prepare(t.Context()))
	for _, sql := range []string{`update sealed_key set made_here = false`, `delete from sealed_key`, `truncate sealed_key`} {
		_, err := db.App.Exec(t.Context(), sql)
		require.Equal(t, "42501", pg.SQLState(err), sql)
	}
}

// The constraints hold without the code, and their names distinguish them.
func TestDatabaseConstraints(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "intake", source())
	s := pgStore{db: db.App}
	good := func() row {
		return row{id: id.New(), purpose: testTitle, month: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), wrapped: make([]byte, 60), madeHere: true, created: time.Unix(0, 0)}
	}
	tests := []struct {
		name       string
		change     func(*row)
		constraint string
	}{
		{name: "a month that is a day", change: func(r *row) { r.month = r.month.AddDate(0, 0, 1) }, constraint: "sealed_key_month_is_first_day"},
		{name: "a purpose without its maker", change: func(r *row) { r.purpose = "title" }, constraint: "sealed_key_purpose_form"},
		{name: "a key that is not wrapped", change: func(r *row) { r.wrapped = make([]byte, 31) }, constraint: "sealed_key_wrapped_bounded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := good()
			tt.change(&r)
			err := s.insert(t.Context(), r)
			require.Equal(t, tt.constraint, pg.Constraint(err))
		})
	}
	first := good()
	require.NoError(t, s.insert(t.Context(), first))
	require.NoError(t, s.insert(t.Context(), good()), "the second key of a month is not kept, without an error")
	got, found, err := s.made(t.Context(), testTitle, first.month)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, first.id, got.id)
	_, found, err = s.byID(t.Context(), id.New())
	require.NoError(t, err)
	require.False(t, found)
}

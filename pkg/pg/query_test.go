package pg_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// A query without a row is distinguished from a failed one, and an error says what was being done.
func TestQueries(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), pgtest.New(t, "queries").App

	all, err := pg.All(ctx, db, "count", pgx.RowTo[int32], `select generate_series(1, $1)`, 3)
	require.NoError(t, err)
	require.Equal(t, []int32{1, 2, 3}, all)
	none, err := pg.All(ctx, db, "count", pgx.RowTo[int32], `select 1 where false`)
	require.NoError(t, err)
	require.NotNil(t, none)
	require.Empty(t, none)

	one, known, err := pg.Find(ctx, db, "find", pgx.RowTo[int32], `select 7`)
	require.NoError(t, err)
	require.True(t, known)
	require.EqualValues(t, 7, one)
	_, known, err = pg.Find(ctx, db, "find", pgx.RowTo[int32], `select 7 where false`)
	require.NoError(t, err)
	require.False(t, known)
	_, _, err = pg.Find(ctx, db, "find", pgx.RowTo[int32], `select generate_series(1, 2)`)
	require.ErrorIs(t, err, pgx.ErrTooManyRows)

	number, text := int32(5), "kept"
	known, err = pg.Scan(ctx, db, "read", []any{&number, &text}, `select 6, 'x' where false`)
	require.NoError(t, err)
	require.False(t, known)
	require.Equal(t, "kept", text)
	known, err = pg.Scan(ctx, db, "read", []any{&number, &text}, `select 6, 'x'`)
	require.NoError(t, err)
	require.True(t, known)
	require.EqualValues(t, 6, number)

	var sum int32
	require.NoError(t, pg.Each(ctx, db, "add", []any{&number}, func() error { sum += number; return nil }, `select generate_series(1, 4)`))
	require.EqualValues(t, 10, sum)
	sum = 0
	walked := func(one int32) error { sum += one; return nil }
	require.NoError(t, pg.Walk(ctx, db, "add", pgx.RowTo[int32], walked, `select generate_series(1, 4)`))
	require.EqualValues(t, 10, sum)
	enough := errors.New("enough")
	require.ErrorIs(t, pg.Walk(ctx, db, "add", pgx.RowTo[int32], func(int32) error { return enough }, `select generate_series(1, 4)`), enough)
	changed, err := pg.Count(ctx, db, "change", `select from generate_series(1, 4)`)
	require.NoError(t, err)
	require.EqualValues(t, 4, changed)
	value, err := pg.Value[int64](ctx, db, "count", `select count(*) from generate_series(1, 4)`)
	require.NoError(t, err)
	require.EqualValues(t, 4, value)
	_, err = pg.Value[int64](ctx, db, "count", `select 1 where false`)
	require.ErrorIs(t, err, pgx.ErrNoRows)

	for want, sql := range map[bool]string{true: `select 1`, false: `select 1 where false`} {
		changed, err := pg.Changed(ctx, db, "change", sql)
		require.NoError(t, err)
		require.Equal(t, want, changed)
	}

	_, changing := pg.Changed(ctx, db, "what was done", `select 1 / 0`)
	for _, err := range []error{
		changing,
		pg.Exec(ctx, db, "what was done", `select 1 / 0`),
		pg.Each(ctx, db, "what was done", []any{&number}, func() error { return nil }, `select 1 / 0`),
		pg.Walk(ctx, db, "what was done", pgx.RowTo[int32], walked, `select 1 / 0`),
	} {
		require.ErrorContains(t, err, "what was done: ")
		require.Equal(t, "22012", pg.SQLState(err))
	}
}

// The zero value is a null column, in both directions.
func TestNull(t *testing.T) {
	t.Parallel()
	require.Nil(t, pg.OrNull(""))
	require.Equal(t, "a", *pg.OrNull("a"))
	require.Empty(t, pg.OrZero[string](nil))
	require.Equal(t, "a", pg.OrZero(pg.OrNull("a")))
	require.Equal(t, []int{1, 3}, pg.Column([]string{"a", "abc"}, func(s string) int { return len(s) }))
	require.NotNil(t, pg.Column[string](nil, func(s string) int { return len(s) }), "an empty array is no null")
}

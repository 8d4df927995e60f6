package pgtest_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func notes() pg.Source {
	return pg.Source{Name: "notes", FS: fstest.MapFS{"00001_note.sql": {Data: []byte(`
-- +goose Up
create table note (id int primary key, body text not null);
grant select, insert on note to ${app};
`)}}}
}

func TestNewGivesEveryTestItsOwnMigratedDatabase(t *testing.T) {
	t.Parallel()
	first := pgtest.New(t, "memo", notes())
	second := pgtest.New(t, "memo", notes())
	require.NotEqual(t, first.Name, second.Name)

	_, err := first.App.Exec(t.Context(), `insert into note (id, body) values (1, 'a')`)
	require.NoError(t, err)

	var n int
	require.NoError(t, second.App.QueryRow(t.Context(), `select count(*) from note`).Scan(&n))
	require.Zero(t, n, "a row of another test's database")

	_, err = first.App.Exec(t.Context(), `delete from note`)
	require.Equal(t, "42501", pg.SQLState(err), "the app role has only what the migration grants")
	_, err = first.Owner.Exec(t.Context(), `delete from note`)
	require.NoError(t, err)
}

func TestDatabaseIsDroppedWhenTheTestEnds(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("a test with a database", func(t *testing.T) {
		name = pgtest.New(t, "memo", notes()).Name
	})
	keeper := pgtest.New(t, "memo", notes())
	var exists bool
	row := keeper.App.QueryRow(t.Context(), `select exists (select from pg_database where datname = $1)`, name)
	require.NoError(t, row.Scan(&exists))
	require.False(t, exists)
}

func TestSchemasOfOneDatabaseAreKeptApart(t *testing.T) {
	t.Parallel()
	d := pgtest.NewDatabase(t,
		pgtest.Schema{Name: "left_side", Sources: []pg.Source{notes()}},
		pgtest.Schema{Name: "right_side", Sources: []pg.Source{notes()}})
	_, err := d.Schemas["left_side"].App.Exec(t.Context(), `select from right_side.note`)
	require.Equal(t, "42501", pg.SQLState(err))
	_, err = d.Schemas["right_side"].App.Exec(t.Context(), `select from right_side.note`)
	require.NoError(t, err)
}

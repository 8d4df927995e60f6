package pg_test

import (
	"embed"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

//go:embed testdata/migrations/*.sql
var embedded embed.FS

func TestMigrateGoesForwardSourceBySource(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "ledger", source("ledger", `create table page (id int);`))
	step2 := source("ledger", `create table page (id int);`, `alter table page add column note text;`)
	other := source("stamps", `create table stamp (id int);`)
	require.NoError(t, pg.Migrate(t.Context(), db.OwnerURL, "ledger", step2, other))
	require.NoError(t, pg.Migrate(t.Context(), db.OwnerURL, "ledger", step2, other), "again, with nothing to do")

	_, err := db.Owner.Exec(t.Context(), `select note from page`)
	require.NoError(t, err)
	var ledger, stamps int64
	require.NoError(t, db.Owner.QueryRow(t.Context(),
		`select (select max(version_id) from goose_ledger), (select max(version_id) from goose_stamps)`).Scan(&ledger, &stamps))
	require.Equal(t, int64(2), ledger)
	require.Equal(t, int64(1), stamps)
	_, err = db.App.Exec(t.Context(), `select from page`)
	require.Equal(t, "42501", pg.SQLState(err), "nothing is granted but by migrations")
}

// A program knows, with its own rights, that its schema lacks migrations: all of them, the last, or those of a source it has of
// late. A schema that is further is not behind.
func TestBehind(t *testing.T) {
	t.Parallel()
	step1, step2 := source("ledger", `select 1;`), source("ledger", `select 1;`, `select 2;`)
	empty := pgtest.New(t, "ledger")
	require.ErrorContains(t, pg.Behind(t.Context(), empty.App, "ledger", step1), "schema ledger has version 0 of its ledger migrations, and this program needs 1")

	db := pgtest.New(t, "ledger", step1)
	require.NoError(t, pg.Behind(t.Context(), db.App, "ledger", step1))
	err := pg.Behind(t.Context(), db.App, "ledger", step2, source("stamps", `select 1;`))
	require.ErrorContains(t, err, "version 1 of its ledger migrations, and this program needs 2")
	require.ErrorContains(t, err, "version 0 of its stamps migrations, and this program needs 1")
	require.NoError(t, pg.Migrate(t.Context(), db.OwnerURL, "ledger", step2))
	require.NoError(t, pg.Behind(t.Context(), db.App, "ledger", step1))
}

func TestMigrateReplacesTokensInEmbeddedFiles(t *testing.T) {
	t.Parallel()
	files, err := fs.Sub(embedded, "testdata")
	require.NoError(t, err)
	db := pgtest.New(t, "ledger", pg.Source{Name: "embedded", FS: files})
	_, err = db.App.Exec(t.Context(), `select id from entry`)
	require.NoError(t, err)
	var comment string
	require.NoError(t, db.App.QueryRow(t.Context(), `select obj_description('entry'::regclass)`).Scan(&comment))
	require.Equal(t, "kept in ledger for ledger_app", comment)
}

func TestMigrateRefusesBrokenSources(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "ledger", source("ledger", `select 1;`))
	for _, tc := range []struct {
		name    string
		sources []pg.Source
		want    string
	}{
		{"unknown token", []pg.Source{source("typo", `create table t (a ${typo});`)}, "unknown token ${typo}"},
		{"same source twice", []pg.Source{source("x", `select 1;`), source("x", `select 1;`)}, "given twice"},
		{"no files", []pg.Source{{Name: "x", FS: fstest.MapFS{}}}, "no *.sql files"},
		{"name that would need quoting", []pg.Source{source("X-y", `select 1;`)}, "source name"},
		{"SQL that does not run", []pg.Source{source("syntax", `create tabel t ();`)}, "42601"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, pg.Migrate(t.Context(), db.OwnerURL, "ledger", tc.sources...), tc.want)
		})
	}
}

func TestConcurrentMigrationsOfOneSchemaWaitForEachOther(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "ledger", source("ledger", `select 1;`))
	src := source("late", `create table once (id int); select pg_sleep(0.2);`)
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			// The first time something is applied, the second time there is nothing left to apply.
			return errors.Join(pg.Migrate(t.Context(), db.OwnerURL, "ledger", src), pg.Migrate(t.Context(), db.OwnerURL, "ledger", src))
		})
	}
	require.NoError(t, group.Wait())
}

func TestErrorsDoNotRepeatTheDatabaseURL(t *testing.T) {
	t.Parallel()
	const bad = "postgres://u:topsecret@127.0.0.1:notaport/x"
	_, err := pg.Open(t.Context(), pg.Options{URL: bad, Schema: "ledger"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "topsecret")
	err = pg.Migrate(t.Context(), bad, "ledger")
	require.Error(t, err)
	require.NotContains(t, err.Error(), "topsecret")
}

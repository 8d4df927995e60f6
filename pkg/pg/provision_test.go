package pg_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

func as(t *testing.T, superURL, user, password string) string {
	t.Helper()
	u, err := url.Parse(superURL)
	require.NoError(t, err)
	u.User = url.UserPassword(user, password)
	return u.String()
}

func TestProvisionMayBeRepeatedAndSetsPasswordsAnew(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "carrier", source("carrier", `create table box (id int); grant select on box to ${app};`))
	// Roles belong to the server, so this test uses another schema than carrier, which other tests use.
	super, schema := db.SuperURL, strings.Replace(db.Name, "naru_test", "again", 1)
	require.NoError(t, pg.Provision(t.Context(), super, schema, pg.Passwords{Owner: "owner-one", App: "app-one-1"}))
	require.NoError(t, pg.Provision(t.Context(), super, schema, pg.Passwords{Owner: "owner-two", App: "app-two-2"}))

	_, err := pgx.Connect(t.Context(), as(t, super, pg.AppRole(schema), "app-one-1"))
	require.Equal(t, "28P01", pg.SQLState(err))
	conn, err := pgx.Connect(t.Context(), as(t, super, pg.AppRole(schema), "app-two-2"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()

	var path string
	require.NoError(t, conn.QueryRow(t.Context(), `show search_path`).Scan(&path))
	require.Equal(t, schema, path)
	for _, tc := range []struct{ name, sql string }{
		{"table in its schema", `create table t (id int)`},
		{"table in public", `create table public.t (id int)`},
		{"temporary table", `create temporary table t (id int)`},
		{"schema", `create schema s`},
		{"role", `create role r`},
		{"another schema's table", `select from carrier.box`},
	} {
		_, err := conn.Exec(t.Context(), tc.sql)
		require.Equal(t, "42501", pg.SQLState(err), tc.name)
	}
}

func TestConcurrentProvisionsOfOneSchemaAllSucceed(t *testing.T) {
	t.Parallel()
	empty := source("empty", `select 1;`)
	var group errgroup.Group
	schema := ""
	for range 4 { // different databases share the same roles
		db := pgtest.New(t, "carrier", empty)
		if schema == "" {
			schema = strings.Replace(db.Name, "naru_test", "many", 1)
		}
		for range 2 {
			group.Go(func() error {
				return pg.Provision(t.Context(), db.SuperURL, schema, pg.Passwords{Owner: "owner-pw", App: "app-pw-xx"})
			})
		}
	}
	require.NoError(t, group.Wait())
}

func TestProvisionRefusesWhatItCannotQuoteSafely(t *testing.T) {
	t.Parallel()
	super := pgtest.SuperURL(t, "postgres")
	for _, tc := range []struct {
		name, schema string
		passwords    pg.Passwords
	}{
		{name: "empty schema", schema: "", passwords: pg.Passwords{Owner: "12345678", App: "12345678"}},
		{name: "quote in schema", schema: `a"b`, passwords: pg.Passwords{Owner: "12345678", App: "12345678"}},
		{name: "short password", schema: "courier", passwords: pg.Passwords{Owner: "1234567", App: "12345678"}},
		{name: "password outside ASCII", schema: "courier", passwords: pg.Passwords{Owner: "12345678", App: "비밀번호비밀번호"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, pg.Provision(t.Context(), super, tc.schema, tc.passwords))
		})
	}
}

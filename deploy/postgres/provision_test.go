// Package postgres_test compares provision.sql with what the programs do themselves.
package postgres_test

import (
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/services/delivery"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// state selects everything that provisioning decides, with the schema's name replaced by SCHEMA.
const state = `
	select array_to_string(array_agg(line order by line), E'\n') from (
	  select replace(concat_ws(' ', 'role', rolname, rolsuper, rolcreatedb, rolcreaterole, rolcanlogin, rolreplication, rolbypassrls, rolinherit, rolconfig::text), $1, 'SCHEMA') line
	  from   pg_roles where rolname in ($1 || '_owner', $1 || '_app')
	  union all
	  select replace(concat_ws(' ', 'schema', nspname, pg_get_userbyid(nspowner), nspacl::text), $1, 'SCHEMA') from pg_namespace where nspname in ($1, 'public')
	  union all
	  select replace(concat_ws(' ', 'database', acl::text), $1, 'SCHEMA') from pg_database, unnest(datacl) acl where datname = current_database() and acl::text like '%' || $1 || '%'
	  union all
	  select concat_ws(' ', 'database for everybody', acl::text) from pg_database, unnest(datacl) acl where datname = current_database() and acl::text like '=%'
	  union all
	  select replace(concat_ws(' ', 'defaults', pg_get_userbyid(defaclrole), defaclobjtype, defaclacl::text), $1, 'SCHEMA') from pg_default_acl
	  where  pg_get_userbyid(defaclrole) like $1 || '%'
	) lines`

// provision.sql produces the same state as pg.Provision, can be repeated, and a unit's migrations run on it.
func TestProvision(t *testing.T) {
	t.Parallel()
	psql, err := exec.LookPath("psql")
	if err != nil {
		t.Skip("psql is not installed")
	}
	db := pgtest.New(t, "carrier")
	schema := strings.Replace(db.Name, "naru_test", "bysql", 1)
	reference := strings.Replace(db.Name, "naru_test", "bygo", 1)
	for range 2 {
		out, err := exec.CommandContext(t.Context(), psql, "--no-psqlrc", "-v", "schema="+schema, "-f", "provision.sql", db.SuperURL).CombinedOutput() //nolint:gosec // the test's own arguments
		require.NoError(t, err, "%s", out)
	}
	require.NoError(t, pg.Provision(t.Context(), db.SuperURL, reference, pg.Passwords{Owner: "owner-pw", App: "app-pw-xx"}))

	conn, err := pgx.Connect(t.Context(), db.SuperURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var made, wanted string
	require.NoError(t, conn.QueryRow(t.Context(), state, schema).Scan(&made))
	require.NoError(t, conn.QueryRow(t.Context(), state, reference).Scan(&wanted))
	require.Contains(t, wanted, "role SCHEMA_app f f f t f f")
	require.Equal(t, wanted, made)

	for _, role := range []string{pg.OwnerRole(schema), pg.AppRole(schema)} {
		_, err := conn.Exec(t.Context(), `alter role `+pgx.Identifier{role}.Sanitize()+` password 'a password'`)
		require.NoError(t, err)
	}
	require.NoError(t, pg.Migrate(t.Context(), as(t, db.SuperURL, pg.OwnerRole(schema)), schema, delivery.Unit.Sources()...))
	pool, err := pg.Open(t.Context(), pg.Options{URL: as(t, db.SuperURL, pg.AppRole(schema)), Schema: schema})
	require.NoError(t, err)
	defer pool.Close()
	_, err = pool.Exec(t.Context(), `select count(*) from delivery`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `delete from journal`)
	require.Equal(t, "42501", pg.SQLState(err), "the working role keeps what it wrote")
}

func as(t *testing.T, superURL, user string) string {
	t.Helper()
	u, err := url.Parse(superURL)
	require.NoError(t, err)
	u.User = url.UserPassword(user, "a password")
	return u.String()
}

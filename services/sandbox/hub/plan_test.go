package hub

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// The cost of a call does not grow with the hub's data: numbers and addresses are looked up item by item in an index.
func TestRegisteringReadsNoTableWhole(t *testing.T) {
	t.Parallel()
	conn, err := pgtest.New(t, "sandbox_hub", pg.Source{Name: "hub", FS: Migrations}).App.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `set plan_cache_mode = force_generic_plan`)
	require.NoError(t, err)
	for name, statement := range map[string]string{"register": insertCirculationsSQL, "read": updateReadTimesSQL} {
		_, err = conn.Exec(t.Context(), `prepare `+name+` as `+statement)
		require.NoError(t, err)
		var parameters int
		require.NoError(t, conn.QueryRow(t.Context(), `select cardinality(parameter_types) from pg_prepared_statements where name = $1`, name).Scan(&parameters))
		rows, err := conn.Query(t.Context(), `explain execute `+name+`(`+strings.Repeat(", null", parameters)[2:]+`)`, pgx.QueryExecModeSimpleProtocol)
		require.NoError(t, err)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan on circulation")
		require.NotContains(t, strings.Join(plan, "\n"), "Seq Scan on address")
	}
}

package unittest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
)

// RowWrites tells the rows inserted, updated and deleted so far, by the table of the unit's schema, partitions together. What a
// connection wrote is counted a while later, so it waits until so many inserts into one table, which are known, and updates of it
// are counted.
func RowWrites(t testing.TB, b *Bench, table string, inserts, updates int) map[string]float64 {
	t.Helper()
	const count = `
		select coalesce(pg_partition_root(relid), relid)::regclass::text, sum(n_tup_ins)::float8, sum(n_tup_upd)::float8, sum(n_tup_ins + n_tup_upd + n_tup_del)::float8
		from   pg_stat_user_tables
		where  schemaname = current_schema()
		group  by 1`
	var writes map[string]float64
	await.Require(t, 2*Patience, func() bool {
		writes = map[string]float64{}
		found, err := b.App.Query(t.Context(), count)
		require.NoError(t, err)
		defer found.Close()
		counted := false
		for found.Next() {
			var name string
			var inserted, updated, all float64
			require.NoError(t, found.Scan(&name, &inserted, &updated, &all))
			writes[name] = all
			counted = counted || name == table && inserted >= float64(inserts) && updated >= float64(updates)
		}
		return found.Err() == nil && counted
	})
	return writes
}

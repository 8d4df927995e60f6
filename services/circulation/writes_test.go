package circulation_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// rowWrites counts the inserts, updates and deletes of the unit's own tables, including their TOAST tables.
const rowWrites = `
	with own as (
	  select oid, reltoastrelid from pg_class
	  where  relnamespace = current_schema()::regnamespace and relkind = 'r' and relname ~ '^(circulation_record|hub_)')
	select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0),
	       coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del) filter (where relname ~ '^circulation_record'), 0)
	from   pg_stat_all_tables
	where  relid in (select oid from own union all select reltoastrelid from own)`

// An ordinary document costs one insert and one update of its record; the whole batch shares the rows of its call.
func TestRowWritesOfABulkDocument(t *testing.T) {
	t.Parallel()
	const many = 500
	o := setup(t)
	var before, records float64
	require.NoError(t, o.Owner.QueryRow(t.Context(), rowWrites).Scan(&before, &records))
	require.Zero(t, records)
	events := make([]journal.Fact, many)
	for i := range events {
		events[i] = received(o.facts(t))
	}
	o.Deliver(t, bulk, events...)
	unittest.AwaitFacts[*circulationv1.CirculationRegistered](t, o.Bench, many)
	var all float64
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		// Each connection reports its own counters, and only now and then by itself.
		for _, conn := range o.Env.DB.AcquireAllIdle(ctx) {
			_, err := conn.Exec(ctx, `select pg_stat_force_next_flush()`)
			conn.Release()
			if err != nil {
				return err
			}
		}
		if err := o.Owner.QueryRow(ctx, rowWrites).Scan(&all, &records); err != nil {
			return err
		}
		if records < 2*many {
			return fmt.Errorf("%g row writes of records are told", records)
		}
		return nil
	})
	require.InDelta(t, 2*many, records, 0)
	require.LessOrEqual(t, (all-before)/many, 2.1)
	t.Logf("%.3f row writes a document", (all-before)/many)
}

package pg_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// Through PgBouncer in transaction mode, many clients on few connections: statements with rows, those that travel together, locks
// and bounds of a transaction work, and sessions are as they have to be.
func TestPooled(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "tally", source("tally", `
		create table counter (id uuid constraint counter_pkey primary key, n int not null);
		grant select, insert, update on counter to ${app};`))
	through := pgtest.PgBouncer(t, "", "tally")
	pools := make([]pg.DBTX, 4)
	var all sync.WaitGroup
	for n := range pools {
		pool, err := pg.Open(t.Context(), pg.Options{URL: through(db.AppURL), Schema: "tally", MaxConns: 4, Pooled: true})
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		pools[n] = pool
		for range 4 {
			all.Go(func() {
				for range 20 {
					ids := []uuid.UUID{uuid.New(), uuid.New()}
					if err := pg.InTx(t.Context(), pool, func(tx *pg.Tx) error {
						tx.LimitLockWait(time.Second)
						tx.Later("insert", `insert into counter (id, n) select id, n from unnest($1::uuid[], $2::int[]) u(id, n)`, ids, []int32{1, 1})
						if err := pg.LockTx(t.Context(), tx, "tally/test"); err != nil {
							return err
						}
						sum, err := pg.Value[int64](t.Context(), tx, "sum", `select sum(n) from counter where id = any($1)`, ids)
						if err == nil && sum != 2 {
							err = fmt.Errorf("2 rows have %d", sum)
						}
						return err
					}); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	all.Wait()
	counted, err := pg.Value[int64](t.Context(), pools[0], "count", `select count(*) from counter`)
	require.NoError(t, err)
	require.EqualValues(t, 4*4*20*2, counted)
	held, err := pg.Value[int64](t.Context(), pools[0], "locks", `select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())`)
	require.NoError(t, err)
	require.Zero(t, held)
	bound, err := pg.Value[string](t.Context(), pools[0], "bound", `select current_setting('lock_timeout')`)
	require.NoError(t, err)
	require.Equal(t, "5s", bound, "a transaction's bound ends with it")
}

// A pooler that nobody told of is found at the start, whether or not it lets a session's parameters pass unheeded.
func TestPoolerNobodyToldOf(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "tally", source("tally", `select 1;`))
	for _, settings := range []string{"", "ignore_startup_parameters = search_path,jit,enable_seqscan,enable_hashjoin,enable_mergejoin,plan_cache_mode," +
		"lock_timeout,idle_in_transaction_session_timeout"} {
		through := pgtest.PgBouncer(t, settings, "tally")
		_, err := pg.Open(t.Context(), pg.Options{URL: through(db.AppURL), Schema: "tally"})
		require.ErrorIs(t, err, pg.ErrPooler)
		require.ErrorContains(t, err, "database_pooled")
		err = pg.Migrate(t.Context(), through(db.OwnerURL), "tally", source("tally", `select 1;`))
		require.ErrorIs(t, err, pg.ErrPooler)
		require.ErrorContains(t, err, "owner_url")
		_, err = pg.Owner(t.Context(), through(db.OwnerURL), "tally")
		require.ErrorIs(t, err, pg.ErrPooler)
	}
}

// Behind a pooler a role without the settings of its sessions is refused.
func TestPooledRoleWithoutSettings(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "bare", source("bare", `select 1;`))
	through := pgtest.PgBouncer(t, "", "bare")
	_, err := db.App.Exec(t.Context(), `alter role bare_app set jit = 'on'`)
	require.NoError(t, err)
	_, err = pg.Open(t.Context(), pg.Options{URL: through(db.AppURL), Schema: "bare", Pooled: true})
	require.ErrorContains(t, err, "provision it again): jit")
}

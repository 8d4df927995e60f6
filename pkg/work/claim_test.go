package work_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/work"
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func() error { return goleak.Find() })) //nolint:forbidigo // the main function of this test binary
}

const claimSQL = `
update parcel p
   set lease_until = now() + @lease, owner = @owner, attempt = p.attempt + 1
  from (select id
          from parcel
         where done_by is null and due_at <= now() and (lease_until is null or lease_until <= now())
           and destination <> all (@blocked)
         order by due_at, id
         limit @limit
           for update skip locked) c
 where p.id = c.id
returning p.id, p.attempt`

const settleSQL = `
update parcel
   set done_by = @owner, lease_until = null
 where id = @id and owner = @owner and attempt = @attempt and done_by is null`

type parcel struct {
	ID, Attempt int
}

func parcels(t *testing.T, n int) *pgtest.DB {
	t.Helper()
	db := pgtest.New(t, "courier", pg.Source{Name: "courier", FS: fstest.MapFS{"00001_parcel.sql": {Data: []byte(`
-- +goose Up
create table parcel (
  id int primary key, destination text not null, due_at timestamptz not null default now(),
  lease_until timestamptz, owner text, attempt int not null default 0, done_by text
);
grant select, insert, update on parcel to ${app};`)}}})
	_, err := db.App.Exec(t.Context(), `insert into parcel (id, destination) select i, 'd' || i % 2 from generate_series(1, $1) i`, n)
	require.NoError(t, err)
	return db
}

func claim(ctx context.Context, db pg.DBTX, owner string, lease time.Duration, limit int, blocked ...string) ([]parcel, error) {
	if blocked == nil {
		blocked = []string{}
	}
	return work.Claim(ctx, db, claimSQL, work.Lease{Owner: owner, For: lease, Limit: limit},
		pgx.NamedArgs{"blocked": blocked}, pgx.RowToStructByPos[parcel])
}

func settle(ctx context.Context, db pg.DBTX, owner string, p parcel) error {
	return work.Settle(ctx, db, settleSQL, pgx.NamedArgs{"id": p.ID, "owner": owner, "attempt": p.Attempt})
}

func TestClaimsDoNotOverlap(t *testing.T) {
	t.Parallel()
	db := parcels(t, 60)
	var mu sync.Mutex
	owners := map[int][]string{}
	var group errgroup.Group
	for r := range 4 {
		owner := fmt.Sprintf("replica-%d", r)
		group.Go(func() error {
			for {
				got, err := claim(t.Context(), db.App, owner, time.Minute, 7)
				if err != nil || len(got) == 0 {
					return err
				}
				mu.Lock()
				for _, p := range got {
					owners[p.ID] = append(owners[p.ID], owner)
				}
				mu.Unlock()
			}
		})
	}
	require.NoError(t, group.Wait())
	require.Len(t, owners, 60)
	for id, by := range owners {
		require.Len(t, by, 1, "parcel %d", id)
	}
}

func TestClaimLeavesOutWhatTheCallerBlocks(t *testing.T) {
	t.Parallel()
	db := parcels(t, 4)
	got, err := claim(t.Context(), db.App, "a", time.Minute, 10, "d1")
	require.NoError(t, err)
	require.Equal(t, []parcel{{2, 1}, {4, 1}}, sorted(got))
}

func sorted(p []parcel) []parcel {
	if len(p) == 2 && p[0].ID > p[1].ID {
		p[0], p[1] = p[1], p[0]
	}
	return p
}

func TestAResultAfterTheLeaseWasTakenOverIsLost(t *testing.T) {
	t.Parallel()
	db := parcels(t, 1)
	first, err := claim(t.Context(), db.App, "slow", time.Millisecond, 1)
	require.NoError(t, err)
	require.Equal(t, []parcel{{1, 1}}, first)
	var second []parcel
	await.Require(t, 10*time.Second, func(ctx context.Context) error {
		second, err = claim(ctx, db.App, "quick", time.Minute, 1)
		if err == nil && len(second) == 0 {
			err = pgx.ErrNoRows
		}
		return err
	})
	require.Equal(t, []parcel{{1, 2}}, second)

	require.ErrorIs(t, settle(t.Context(), db.App, "slow", first[0]), work.ErrLost)
	require.NoError(t, settle(t.Context(), db.App, "quick", second[0]))
	require.ErrorIs(t, settle(t.Context(), db.App, "quick", second[0]), work.ErrLost, "twice")
	var doneBy string
	require.NoError(t, db.App.QueryRow(t.Context(), `select done_by from parcel`).Scan(&doneBy))
	require.Equal(t, "quick", doneBy)
}

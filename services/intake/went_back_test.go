package intake

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// backUp saves all that the unit's schema holds, and gives what puts it back.
func (w *world) backUp(t *testing.T) (restore func()) {
	t.Helper()
	tables, err := pg.Set[string](t.Context(), w.Owner, "list tables", `
		select c.relname from pg_class c
		where  c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`)
	require.NoError(t, err)
	do := func(sql string) {
		t.Helper()
		_, err := w.Owner.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	for table := range tables {
		do(`create table saved_` + table + ` as table ` + table)
	}
	return func() {
		t.Helper()
		for table := range tables {
			do(`alter table ` + table + ` disable trigger user; truncate ` + table + ` cascade`)
		}
		// What another table refers to comes before it.
		do(`insert into registration_certificate table saved_registration_certificate; alter table registration_certificate enable trigger user`)
		for table := range tables {
			if table == "registration_certificate" {
				continue
			}
			do(`insert into ` + table + ` table saved_` + table + `; alter table ` + table + ` enable trigger user`)
		}
	}
}

func (w *world) awaitLogged(t *testing.T) {
	t.Helper()
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		waiting, err := pg.Value[int](ctx, w.App, "count frames without a leaf", `select count(*) from journal_mark where leaf is null`)
		if err == nil && waiting > 0 {
			err = fmt.Errorf("%d frames without a leaf", waiting)
		}
		return err
	})
}

// A database that was restored from an older copy is named at the start. Nothing is accepted, consumed or stated over it until an
// operator has acted; after that no number is given a second time.
func TestDatabaseThatWentBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kept := w.item(t, "kept")
	before := w.send(t, kept)
	restore := w.backUp(t)
	lost := w.item(t, "lost")
	after := w.send(t, lost)
	w.awaitLogged(t)

	w.Restart(t, "", restore)
	err := w.Ready(t.Context())
	require.ErrorContains(t, err, "DATABASE_WENT_BACK")
	require.ErrorContains(t, err, "leaves")
	// The channel of before the restart may not be up again at once.
	await.Require(t, unittest.Patience, func(ctx context.Context) error {
		if refused := w.refused(t, w.item(t, "meanwhile")); refused.Reason != "DATABASE_WENT_BACK" {
			return refused
		}
		return nil
	})
	require.Equal(t, 1, w.count(t, "document"))
	require.InDelta(t, 1, w.Metric(t, "naru_journal_went_back"), 0)

	admin := platformv1.NewJournalAdminServiceClient(w.Admin(t))
	reopened, err := admin.ReopenLog(t.Context(), &platformv1.ReopenLogRequest{Unit: domain, Reason: "restored the backup of 02:00"})
	require.NoError(t, err)
	require.EqualValues(t, 2, reopened.GetGeneration())
	await.Require(t, unittest.Patience, func(ctx context.Context) error { return w.Ready(ctx) })

	require.Equal(t, before.GetEdocNum(), w.send(t, kept).GetEdocNum())
	require.NotEqual(t, after.GetEdocNum(), w.send(t, w.item(t, "next")).GetEdocNum())
	require.NotEqual(t, after.GetEdocNum(), w.send(t, lost).GetEdocNum(), "the sender's key is lost with the document; the number is not given again")
	require.Len(t, w.Stated(t, &platformv1.LogReopened{}), 1)

	// Where nobody can log in, the same is said at the start.
	w.awaitLogged(t)
	w.Restart(t, "restored once more", restore)
	await.Require(t, unittest.Patience, func(ctx context.Context) error { return w.Ready(ctx) })
	acts := w.Stated(t, &platformv1.LogReopened{})
	require.Len(t, acts, 1, "the first act is lost with its database")
	require.Equal(t, "operator:local", acts[0].GetActor())
}

package work_test

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/work"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func take(t *testing.T, db *pgtest.DB, kind string, now time.Time, limit int) []string {
	t.Helper()
	keys := []string{}
	require.NoError(t, pg.InTx(t.Context(), db.App, func(tx pgx.Tx) error {
		dues, err := work.TakeDue(t.Context(), tx, kind, now, limit)
		for _, d := range dues {
			keys = append(keys, d.Key)
		}
		return err
	}))
	return keys
}

func TestDueThingsAreTakenOnceInOrder(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "timer", work.Migrations())
	require.NoError(t, work.SetDue(t.Context(), db.App, "expiry",
		work.Due{Key: "c", At: noon.Add(time.Minute)}, work.Due{Key: "b", At: noon}, work.Due{Key: "a", At: noon.Add(-time.Hour)}))
	require.NoError(t, work.SetDue(t.Context(), db.App, "notice", work.Due{Key: "a", At: noon}))

	require.Empty(t, take(t, db, "expiry", noon.Add(-2*time.Hour), 10))
	require.Equal(t, []string{"a"}, take(t, db, "expiry", noon, 1))
	require.Equal(t, []string{"b"}, take(t, db, "expiry", noon, 10))
	require.Empty(t, take(t, db, "expiry", noon, 10))
	require.Equal(t, []string{"a"}, take(t, db, "notice", noon, 10), "kinds do not mix")
}

func TestDueThingsCanBeMovedAndCleared(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "timer", work.Migrations())
	require.NoError(t, work.SetDue(t.Context(), db.App, "expiry", work.Due{Key: "a", At: noon}, work.Due{Key: "b", At: noon}))
	require.NoError(t, work.SetDue(t.Context(), db.App, "expiry", work.Due{Key: "a", At: noon.Add(time.Hour)}))
	require.NoError(t, work.ClearDue(t.Context(), db.App, "expiry", "b", "never-set"))
	require.Empty(t, take(t, db, "expiry", noon, 10))
	require.Equal(t, []string{"a"}, take(t, db, "expiry", noon.Add(time.Hour), 10))
}

func TestWhatATransactionTookIsDueAgainWhenItRollsBack(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "timer", work.Migrations())
	require.NoError(t, work.SetDue(t.Context(), db.App, "expiry", work.Due{Key: "a", At: noon}))
	boom := errors.New("boom")
	err := pg.InTx(t.Context(), db.App, func(tx pgx.Tx) error {
		dues, err := work.TakeDue(t.Context(), tx, "expiry", noon, 1)
		require.NoError(t, err)
		require.Equal(t, []work.Due{{Key: "a", At: noon}}, dues)
		require.Empty(t, take(t, db, "expiry", noon, 1), "another replica must not wait for it nor get it")
		return boom
	})
	require.ErrorIs(t, err, boom)
	require.Equal(t, []string{"a"}, take(t, db, "expiry", noon, 1))
}

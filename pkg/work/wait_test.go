package work_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/work"
)

// What was put off, or claimed, while the database's clock was a year ahead is due once it has been set right. What waits as
// long as it may waits on.
func TestEndOverlong(t *testing.T) {
	t.Parallel()
	db := parcels(t, 5)
	for id, columns := range map[int]string{
		1: `due_at = now() + interval '1 year'`,
		2: `lease_until = now() + interval '1 year', owner = 'gone'`,
		3: `due_at = now() + interval '5 minutes'`,
		4: `lease_until = now() + interval '30 seconds', owner = 'busy'`,
		5: `due_at = now() + interval '1 year', done_by = 'somebody'`,
	} {
		_, err := db.App.Exec(t.Context(), `update parcel set `+columns+` where id = $1`, id)
		require.NoError(t, err)
	}
	waits := work.ClaimedWaits("parcel", "done_by is null", 5*time.Minute, 30*time.Second)
	ended, err := work.EndOverlong(t.Context(), db.App, waits)
	require.NoError(t, err)
	require.EqualValues(t, 2, ended)
	ended, err = work.EndOverlong(t.Context(), db.App, waits)
	require.NoError(t, err)
	require.Zero(t, ended)

	claimed, err := pg.All(t.Context(), db.App, "claim", pgx.RowToStructByPos[parcel], claimSQL,
		pgx.NamedArgs{"owner": "me", "lease": time.Minute, "limit": 10, "blocked": []string{}})
	require.NoError(t, err)
	require.ElementsMatch(t, []parcel{{1, 1}, {2, 1}}, claimed)
}

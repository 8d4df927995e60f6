package journal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

// Facts are published up to the oldest frame that is not, and to the beginning of the oldest transaction that may state one.
func TestPublishedUntil(t *testing.T) {
	t.Parallel()
	b := setup(t)
	until := func() (time.Time, uint64) {
		at, sequence, err := journal.PublishedUntil(t.Context(), b.db.App)
		require.NoError(t, err)
		return at, sequence
	}
	present := func() time.Time {
		at, err := pg.Value[time.Time](t.Context(), b.db.App, "read database time", `select clock_timestamp()`)
		require.NoError(t, err)
		return at
	}
	empty := present()
	at, sequence := until()
	require.False(t, at.Before(empty))
	require.Zero(t, sequence)

	b.state(t, cancelled("a"))
	require.NoError(t, b.Logger.Drain(t.Context()))
	stated := present()
	at, _ = until()
	require.True(t, at.Before(stated), "the frame is not published")
	p := b.publish(t, 0)
	p.Committed(b.Committed())
	await.Require(t, patience, func() bool {
		at, sequence = until()
		return at.After(stated) && sequence == 1
	})

	tx, err := b.db.App.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `select pg_current_xact_id()`)
	require.NoError(t, err)
	begun := present()
	at, _ = until()
	require.True(t, at.Before(begun), "a transaction is open")
	require.NoError(t, tx.Rollback(t.Context()))
	at, _ = until()
	require.True(t, at.After(begun))
}

package intake

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// A year's documents are deleted ten years after its end, unless one of them is under legal hold. Their own keys are deleted with
// them, and no others.
func TestRetention(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	rows := []*row{
		b.row(t, uuid.New(), "old-1", "content", platformv1.Lane_LANE_EXPRESS),
		b.row(t, uuid.New(), "old-2", "content", platformv1.Lane_LANE_EXPRESS),
	}
	_, err := b.try(t.Context(), rows)
	require.NoError(t, err)
	held := string(rows[0].number)
	require.NoError(t, b.facts.PlaceHold(t.Context(), held, "operator", "case-1"))

	later := clock.NewFake(b.at.AddDate(11, 0, 3))
	expiry := later.Now()
	f := &forgetter{db: b.db.App, expiry: func(context.Context) (time.Time, error) { return expiry, nil }, log: slog.New(slog.DiscardHandler)}
	maintain := func() int {
		require.NoError(t, pg.MaintainPartitions(t.Context(), b.db.Owner, partitions(), pg.Clocks{Unit: later.Now(), Database: later.Now(), Trusted: true}))
		_, err := f.forget(t.Context())
		require.NoError(t, err)
		return len(b.strings(t, `select own_key from own_key`))
	}
	require.Equal(t, 2, maintain(), "one of the year is held")
	require.NoError(t, b.facts.ReleaseHold(t.Context(), held, "operator", "case-1"))
	for _, expiry = range []time.Time{b.at, {}} {
		n, err := f.forget(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
	}
	expiry = later.Now()
	require.Zero(t, maintain())
	require.Empty(t, b.strings(t, `select edoc_num from document`))
}

// The unit's role can neither change nor delete a fact.
func TestFactsAreAppendOnly(t *testing.T) {
	t.Parallel()
	b := newCommitBench(t)
	for _, statement := range []string{
		`update document set receipt = 'x'`, `delete from document`, `update own_key set edoc_num = 'x'`, `delete from own_key`,
		`update registration_certificate set kept_at = now()`, `delete from registration_certificate`,
		`update cancel_request set requested_at = now()`, `delete from cancel_request`, `delete from serial_block`, `truncate document`,
	} {
		_, err := b.db.App.Exec(t.Context(), statement)
		const insufficientPrivilege = "42501"
		require.Equal(t, insufficientPrivilege, pg.SQLState(err), statement)
	}
}

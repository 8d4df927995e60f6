package intake

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/keys"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// folder is where a replica's keys are.
func folder(t *testing.T) *keys.Store {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	return store
}

// A database that was restored from an older copy has numbers given that were given already. None is given twice: the time of day
// has gone on, also for a replica that knows nothing of the lost blocks; and where the clock went back too, what is kept beside
// the keys stands.
func TestNoNumberIsGivenTwiceAfterARestore(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, Unit.Name, Unit.Sources()...)
	at := time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)
	const n = 2500
	for _, tc := range []struct {
		name string
		// same: the replica that gave the lost numbers goes on, with its key folder.
		same bool
		// later than the lost numbers is the clock.
		later time.Duration
	}{
		{"another replica", false, time.Millisecond},
		{"the same replica, its clock set back", true, -time.Hour},
		{"the same replica in the same moment", true, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			backup := func(to, from string) {
				_, err := db.Owner.Exec(t.Context(), `delete from `+to+`; insert into `+to+` select * from `+from)
				require.NoError(t, err)
			}
			_, err := db.Owner.Exec(t.Context(), `create table if not exists saved_serials as table serial_block`)
			require.NoError(t, err)
			kept := folder(t)
			given, err := newSerials(db.App, "NARU000001", kept).take(t.Context(), at, n)
			require.NoError(t, err)
			seen := map[id.EdocNumber]bool{}
			for _, number := range given {
				seen[number] = true
			}
			backup("serial_block", "saved_serials")
			if !tc.same {
				kept = folder(t)
			}
			given, err = newSerials(db.App, "NARU000001", kept).take(t.Context(), at.Add(tc.later), n)
			require.NoError(t, err)
			for _, number := range given {
				seen[number] = true
			}
			require.Len(t, seen, 2*n, "%s and what follows were given twice", given[0])
			at = at.Add(time.Hour)
		})
	}
}

// A number that could be given twice after a restore is not given at all.
func TestNoMarkNoNumber(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, Unit.Name, Unit.Sources()...)
	kept := folder(t)
	require.NoError(t, kept.Remember(serialMark, []byte("no mark")))
	_, err := newSerials(db.App, "NARU000001", kept).take(t.Context(), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 1)
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
}

// Numbers are in order within a call, carry the KST date of the call's clock reading, and continue across blocks and midnight.
func TestSerials(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, Unit.Name, Unit.Sources()...)
	s := newSerials(db.App, "NARU000001", folder(t))
	evening := time.Date(2026, 12, 31, 14, 59, 59, 999999000, time.UTC) // 23:59:59 KST
	first, err := s.take(t.Context(), evening, 1500)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20261231_NARU000001_8639999900001"), first[0])
	require.Equal(t, id.EdocNumber("20261231_NARU000001_8639999901500"), first[1499])
	next, err := s.take(t.Context(), evening.Add(time.Microsecond), 1)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20270101_NARU000001_0000000000001"), next[0])
	// A call that read the clock before midnight but comes later still gets its own date.
	late, err := s.take(t.Context(), evening, 1)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20261231_NARU000001_8639999901501"), late[0])
	none, err := s.take(t.Context(), evening, 0)
	require.NoError(t, err)
	require.Empty(t, none)
}

// A replica that starts leaves a gap but repeats nothing; replicas at the same time share no number.
func TestSerialsOfManyReplicas(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, Unit.Name, Unit.Sources()...)
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	var mu sync.Mutex
	seen := map[id.EdocNumber]bool{}
	var replicas sync.WaitGroup
	failures := make(chan error, 100)
	for range 5 {
		replica := newSerials(db.App, "NARU000001", folder(t))
		for range 4 {
			replicas.Go(func() {
				for _, n := range []int{1, 700, 3, 999} {
					numbers, err := replica.take(t.Context(), at, n)
					if err != nil {
						failures <- err
						return
					}
					mu.Lock()
					for _, number := range numbers {
						seen[number] = true
					}
					mu.Unlock()
				}
			})
		}
	}
	replicas.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
	require.Len(t, seen, 5*4*(1+700+3+999))
	_, err := newSerials(db.App, "NARU000002", folder(t)).take(t.Context(), at, 1)
	require.NoError(t, err, "another code has serials of its own")
}

// Waiting for a turn ends when the caller leaves.
func TestSerialsWaitEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := newSerials(nil, "NARU000001", nil)
	s.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.take(ctx, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 1)
	require.ErrorIs(t, err, context.Canceled)
}

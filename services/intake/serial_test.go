package intake

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
)

// Numbers are in order within a call, carry the KST date of the call's clock reading, and continue across blocks and midnight.
func TestSerials(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, Unit.Name, Unit.Sources()...)
	s := newSerials(db.App, "NARU000001")
	evening := time.Date(2026, 12, 31, 14, 59, 59, 999999000, time.UTC) // 23:59:59 KST
	first, err := s.take(t.Context(), evening, 1500)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20261231_NARU000001_0000000000001"), first[0])
	require.Equal(t, id.EdocNumber("20261231_NARU000001_0000000001500"), first[1499])
	next, err := s.take(t.Context(), evening.Add(time.Microsecond), 1)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20270101_NARU000001_0000000000001"), next[0])
	// A call that read the clock before midnight but comes later still gets its own date.
	late, err := s.take(t.Context(), evening, 1)
	require.NoError(t, err)
	require.Equal(t, id.EdocNumber("20261231_NARU000001_0000000001501"), late[0])
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
		replica := newSerials(db.App, "NARU000001")
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
	_, err := newSerials(db.App, "NARU000002").take(t.Context(), at, 1)
	require.NoError(t, err, "another code has serials of its own")
}

// Waiting for a turn ends when the caller leaves.
func TestSerialsWaitEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := newSerials(nil, "NARU000001")
	s.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.take(ctx, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), 1)
	require.ErrorIs(t, err, context.Canceled)
}

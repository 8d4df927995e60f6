package queue_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/services/intake/internal/queue"
)

func entries(values ...int) []queue.Entry[int] {
	var of []queue.Entry[int]
	for _, v := range values {
		of = append(of, queue.Entry[int]{Value: v, Size: 10})
	}
	return of
}

func all(int) bool { return true }

func wide() queue.Limits {
	return queue.Limits{Entries: 100, Bytes: 1000, FlowEntries: 100, FlowBytes: 1000}
}

// A flow with many entries delays another's single entry by one turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	q := queue.New[string, int](wide())
	require.NoError(t, q.Put("a", entries(1, 2, 3, 4)...))
	require.NoError(t, q.Put("b", entries(11)...))
	require.NoError(t, q.Put("c", entries(21, 22)...))
	require.Equal(t, []int{1, 11, 21, 2, 22, 3, 4}, q.Take(all))
	require.Zero(t, q.Len())
}

// Take stops before an entry that does not fit and leaves that flow the next turn. The first entry is always taken.
func TestTakeStopsBeforeWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	q := queue.New[string, int](wide())
	require.NoError(t, q.Put("a", entries(1, 2)...))
	require.NoError(t, q.Put("b", entries(11)...))
	require.Equal(t, []int{1}, q.Take(func(v int) bool { return v != 11 }))
	require.Equal(t, []int{11}, q.Take(func(v int) bool { return v > 11 }))
	require.Equal(t, []int{2}, q.Take(all))
}

// Entries that do not fit are refused whole, by each limit. Room becomes free again when entries are done.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		limits queue.Limits
		// other says whether another flow still has room.
		other bool
	}{
		{"entries", queue.Limits{Entries: 3, Bytes: 1000, FlowEntries: 100, FlowBytes: 1000}, false},
		{"bytes", queue.Limits{Entries: 100, Bytes: 39, FlowEntries: 100, FlowBytes: 1000}, false},
		{"entries of a flow", queue.Limits{Entries: 100, Bytes: 1000, FlowEntries: 3, FlowBytes: 1000}, true},
		{"bytes of a flow", queue.Limits{Entries: 100, Bytes: 1000, FlowEntries: 100, FlowBytes: 39}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			q := queue.New[string, int](tc.limits)
			require.NoError(t, q.Put("a", entries(1, 2)...))
			require.ErrorIs(t, q.Put("a", entries(3, 4)...), queue.ErrFull)
			require.NoError(t, q.Put("a", entries(3)...))
			if tc.other {
				require.NoError(t, q.Put("b", entries(11)...))
			} else {
				require.ErrorIs(t, q.Put("b", entries(11)...), queue.ErrFull)
			}
			q.Take(all)
			require.NoError(t, q.Put("a", entries(5, 6, 7)...))
		})
	}
}

// A closed queue refuses new entries, returns those it holds, and then lets every taker end.
func TestClose(t *testing.T) {
	t.Parallel()
	q := queue.New[string, int](wide())
	require.NoError(t, q.Put("a", entries(1)...))
	var takers sync.WaitGroup
	taken := make(chan int, 10)
	for range 3 {
		takers.Go(func() {
			for {
				got := q.Take(all)
				if got == nil {
					return
				}
				for _, v := range got {
					taken <- v
				}
			}
		})
	}
	require.NoError(t, q.Put("a", entries(2)...))
	q.Close()
	takers.Wait()
	require.ErrorIs(t, q.Put("a", entries(3)...), queue.ErrClosed)
	close(taken)
	sum := 0
	for v := range taken {
		sum += v
	}
	require.Equal(t, 3, sum)
}

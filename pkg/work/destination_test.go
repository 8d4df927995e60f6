package work_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/work"
)

var errDown = errors.New("down")

func down(context.Context) error { return errDown }
func up(context.Context) error   { return nil }

func TestADestinationThatFailsIsLeftAloneAndTriedAgain(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var changes []string
	d := work.NewDestinations(work.Limits{
		Failures: 3, Pause: 30 * time.Millisecond,
		Changed: func(name string, blocked bool) {
			mu.Lock()
			defer mu.Unlock()
			changes = append(changes, fmt.Sprintf("%s blocked=%t", name, blocked))
		},
	})
	for range 3 {
		require.ErrorIs(t, d.Call(t.Context(), "bad", down), errDown)
	}
	require.ErrorIs(t, d.Call(t.Context(), "bad", up), work.ErrBlocked)
	require.Equal(t, []string{"bad"}, d.Blocked())
	require.NoError(t, d.Call(t.Context(), "good", up), "another destination is not affected")

	await.Require(t, 10*time.Second, func() bool { return len(d.Blocked()) == 0 })
	require.ErrorIs(t, d.Call(t.Context(), "bad", down), errDown, "the trial call")
	require.Equal(t, []string{"bad"}, d.Blocked(), "one failed trial blocks again")
	await.Require(t, 10*time.Second, func() bool { return d.Call(t.Context(), "bad", up) == nil })
	require.Empty(t, d.Blocked())
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"bad blocked=true", "bad blocked=false"}, changes)
}

func TestASuccessInBetweenStartsCountingAnew(t *testing.T) {
	t.Parallel()
	d := work.NewDestinations(work.Limits{Failures: 2})
	for range 4 {
		require.ErrorIs(t, d.Call(t.Context(), "x", down), errDown)
		require.NoError(t, d.Call(t.Context(), "x", up))
	}
	require.Empty(t, d.Blocked())
}

func TestOnlyTheDestinationsOwnFailuresCount(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	d := work.NewDestinations(work.Limits{Failures: 1, Counts: func(err error) bool { return !errors.Is(err, refused) }})
	require.ErrorIs(t, d.Call(t.Context(), "x", func(context.Context) error { return refused }), refused)
	require.Empty(t, d.Blocked())
	require.ErrorIs(t, d.Call(t.Context(), "x", down), errDown)
	require.Equal(t, []string{"x"}, d.Blocked())

	byDefault := work.NewDestinations(work.Limits{Failures: 1})
	cancelled := func(context.Context) error { return fmt.Errorf("call: %w", context.Canceled) }
	require.ErrorIs(t, byDefault.Call(t.Context(), "x", cancelled), context.Canceled)
	require.Empty(t, byDefault.Blocked(), "the caller went away, the destination did nothing")
}

func TestCallsToOneDestinationAreLimited(t *testing.T) {
	t.Parallel()
	d := work.NewDestinations(work.Limits{Concurrent: 2})
	release := make(chan struct{})
	var under sync.WaitGroup
	entered := make(chan struct{})
	for range 2 {
		under.Go(func() {
			_ = d.Call(t.Context(), "x", func(context.Context) error {
				entered <- struct{}{}
				<-release
				return nil
			})
		})
	}
	<-entered
	<-entered
	require.ErrorIs(t, d.Call(t.Context(), "x", up), work.ErrBlocked)
	require.Equal(t, []string{"x"}, d.Blocked())
	require.NoError(t, d.Call(t.Context(), "y", up))
	close(release)
	under.Wait()
	require.Empty(t, d.Blocked())
	require.NoError(t, d.Call(t.Context(), "x", up))
}

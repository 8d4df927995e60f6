package lifecycle_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// journal records the order in which tasks ended.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

func (j *journal) untilEnd(name string) lifecycle.Task {
	return lifecycle.Task{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		j.add(name)
		return ctx.Err()
	}}
}

// Stop ends tasks in reverse order of their start.
func TestStopReverseOrder(t *testing.T) {
	t.Parallel()
	var j journal
	g := lifecycle.New()
	g.Go(t.Context(), j.untilEnd("pool"), j.untilEnd("bus"))
	g.Go(t.Context(), j.untilEnd("server"))
	require.NoError(t, g.Stop(t.Context()))
	require.Equal(t, []string{"server", "bus", "pool"}, j.all())
	require.NoError(t, g.Wait())
	require.NoError(t, g.Stop(t.Context()), "a second Stop is harmless")
}

// If the context given to Go ends, the group stops in order too. A task sees the context's values.
func TestContextStops(t *testing.T) {
	t.Parallel()
	type key struct{}
	var j journal
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "carried"))
	var g lifecycle.Group
	g.Go(ctx, j.untilEnd("first"), lifecycle.Task{Name: "second", Run: func(ctx context.Context) error {
		<-ctx.Done()
		value, _ := ctx.Value(key{}).(string)
		j.add(value)
		return nil
	}})
	cancel()
	require.NoError(t, g.Wait())
	require.Equal(t, []string{"carried", "first"}, j.all())
}

// One failing task stops the others, and its error names it.
func TestFailureStops(t *testing.T) {
	t.Parallel()
	var j journal
	broken := errors.New("disk is gone")
	g := lifecycle.New()
	g.Go(t.Context(), j.untilEnd("first"), lifecycle.Task{Name: "writer", Run: func(context.Context) error { return broken }}, j.untilEnd("last"))
	err := g.Wait()
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "running task writer")
	require.Equal(t, []string{"last", "first"}, j.all())
}

// A task that returns nil leaves the group running; the group ends when all tasks have.
func TestTasksThatFinish(t *testing.T) {
	t.Parallel()
	var j journal
	g := lifecycle.New()
	g.Go(t.Context(), lifecycle.Task{Name: "once", Run: func(context.Context) error { j.add("once"); return nil }}, j.untilEnd("server"))
	require.NoError(t, g.Stop(t.Context()))
	require.ElementsMatch(t, []string{"once", "server"}, j.all())

	done := lifecycle.New()
	done.Go(t.Context(), lifecycle.Task{Name: "once", Run: func(context.Context) error { return nil }})
	require.NoError(t, done.Wait())
	done.Go(t.Context(), lifecycle.Task{Name: "late", Run: func(context.Context) error { j.add("late"); return nil }})
	require.NotContains(t, j.all(), "late")
}

// A context error is a failure like any other if the task's own context has not ended.
func TestForeignContextError(t *testing.T) {
	t.Parallel()
	g := lifecycle.New()
	g.Go(t.Context(), lifecycle.Task{Name: "caller", Run: func(context.Context) error { return context.DeadlineExceeded }})
	require.ErrorIs(t, g.Wait(), context.DeadlineExceeded)
}

// When Stop's deadline passes, the tasks after a stuck one are told to stop too, and the error names those still running.
func TestStopDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j journal
		release := make(chan struct{})
		g := lifecycle.New()
		g.Go(t.Context(), j.untilEnd("pool"), lifecycle.Task{Name: "stuck", Run: func(context.Context) error {
			<-release
			return nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := g.Stop(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "pool, stuck")
		synctest.Wait()
		require.Equal(t, []string{"pool"}, j.all(), "told although the task above it has not returned")
		require.Error(t, g.Stop(ctx), "a second impatient Stop does not break anything")
		close(release)
		require.NoError(t, g.Wait())
	})
}

// Every runs at once and then after each interval, and ends with its group.
func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Int32
		g := lifecycle.New()
		g.Go(t.Context(), lifecycle.Every("sweep", time.Minute, func(context.Context) { runs.Add(1) }))
		synctest.Wait()
		require.Equal(t, int32(1), runs.Load())
		<-time.After(2*time.Minute + time.Second)
		synctest.Wait()
		require.Equal(t, int32(3), runs.Load())
		require.NoError(t, g.Stop(t.Context()))
	})
}

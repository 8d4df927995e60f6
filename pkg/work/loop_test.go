package work_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/work"
)

var discard = slog.New(slog.DiscardHandler)

// start runs a loop until the returned function is called, which returns the task's result.
func start[T any](t *testing.T, l work.Loop[T]) (stop func() error) {
	t.Helper()
	task, err := l.Task()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- task.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

func TestLoopDoesEverythingOnce(t *testing.T) {
	t.Parallel()
	db := parcels(t, 40)
	stop := start(t, work.Loop[parcel]{
		Name: "courier", Workers: 3, Interval: 10 * time.Millisecond, Log: discard,
		Claim: func(ctx context.Context, limit int) ([]parcel, error) {
			return claim(ctx, db.App, "me", time.Minute, limit)
		},
		Do: func(ctx context.Context, p parcel) { _ = settle(ctx, db.App, "me", p) },
	})
	await.Require(t, 20*time.Second, func() bool {
		var left int
		require.NoError(t, db.App.QueryRow(t.Context(), `select count(*) from parcel where done_by is null`).Scan(&left))
		return left == 0
	})
	require.NoError(t, stop())
	var attempts int
	require.NoError(t, db.App.QueryRow(t.Context(), `select sum(attempt) from parcel`).Scan(&attempts))
	require.Equal(t, 40, attempts)
}

func TestLoopClaimsOnlyForIdleWorkers(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var claimed, running, most atomic.Int64
	stop := start(t, work.Loop[int]{
		Name: "l", Workers: 3, Interval: time.Millisecond, Log: discard,
		Claim: func(_ context.Context, limit int) ([]int, error) {
			claimed.Add(int64(limit))
			return make([]int, limit), nil
		},
		Do: func(ctx context.Context, _ int) {
			now := running.Add(1)
			for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
			}
			select {
			case <-release:
			case <-ctx.Done():
			}
			running.Add(-1)
		},
	})
	await.Require(t, 10*time.Second, func() bool { return running.Load() == 3 })
	require.Equal(t, int64(3), claimed.Load())
	close(release)
	await.Require(t, 10*time.Second, func() bool { return claimed.Load() > 30 })
	require.NoError(t, stop())
	require.LessOrEqual(t, most.Load(), int64(3))
	require.Zero(t, running.Load(), "stopping waits for what is under way")
}

func TestLoopWakesUpWhenWorkIsAnnounced(t *testing.T) {
	t.Parallel()
	wake := make(chan struct{}, 1)
	var looks atomic.Int64
	stop := start(t, work.Loop[int]{
		Name: "l", Interval: time.Hour, Wake: wake, Log: discard,
		Claim: func(context.Context, int) ([]int, error) { looks.Add(1); return nil, nil },
		Do:    func(context.Context, int) {},
	})
	await.Require(t, 10*time.Second, func() bool { return looks.Load() == 1 })
	wake <- struct{}{}
	await.Require(t, 10*time.Second, func() bool { return looks.Load() == 2 })
	close(wake) // closing the channel must not count as an announcement
	require.NoError(t, stop())
	require.Equal(t, int64(2), looks.Load())
}

func TestLoopGoesOnAfterAClaimDidNotSucceed(t *testing.T) {
	t.Parallel()
	var looks, done atomic.Int64
	stop := start(t, work.Loop[int]{
		Name: "l", Interval: time.Millisecond, Log: discard,
		Claim: func(context.Context, int) ([]int, error) {
			if looks.Add(1) < 3 {
				return nil, errors.New("database away")
			}
			return []int{1}, nil
		},
		Do: func(context.Context, int) { done.Add(1) },
	})
	await.Require(t, 10*time.Second, func() bool { return done.Load() > 0 })
	require.NoError(t, stop())
}

func TestStoppingLeavesWorkUnderWayItsGrace(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		grace    time.Duration
		finishes bool // the item finishes by itself when the loop is stopped
	}{
		{name: "work that ends in time ends by itself", grace: time.Minute, finishes: true},
		{name: "work that does not is cut", grace: 20 * time.Millisecond, finishes: false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			began, finish := make(chan struct{}), make(chan struct{})
			result := make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			first := true
			task, err := work.Loop[int]{
				Name: "l", Log: discard, Grace: tc.grace,
				Claim: func(context.Context, int) ([]int, error) {
					if !first {
						return nil, nil
					}
					first = false
					return []int{1}, nil
				},
				Do: func(ctx context.Context, _ int) {
					close(began)
					select {
					case <-finish:
						result <- nil
					case <-ctx.Done():
						result <- ctx.Err()
					}
				},
			}.Task()
			require.NoError(t, err)
			ended := make(chan error, 1)
			go func() { ended <- task.Run(ctx) }()
			<-began
			cancel()
			if tc.finishes {
				close(finish)
				require.NoError(t, <-result)
			} else {
				require.ErrorIs(t, <-result, context.Canceled)
			}
			require.NoError(t, <-ended)
		})
	}
}

func TestItemsHaveATimeout(t *testing.T) {
	t.Parallel()
	result := make(chan error, 100)
	stop := start(t, work.Loop[int]{
		Name: "l", Timeout: 10 * time.Millisecond, Log: discard,
		Claim: func(context.Context, int) ([]int, error) { return []int{1}, nil },
		Do: func(ctx context.Context, _ int) {
			<-ctx.Done()
			select {
			case result <- ctx.Err():
			default:
			}
		},
	})
	require.ErrorIs(t, <-result, context.DeadlineExceeded)
	require.NoError(t, stop())
}

func TestTaskNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	full := work.Loop[int]{
		Name: "l", Log: discard,
		Claim: func(context.Context, int) ([]int, error) { return nil, nil },
		Do:    func(context.Context, int) {},
	}
	for _, tc := range []struct {
		name  string
		clear func(*work.Loop[int])
	}{
		{"Name", func(l *work.Loop[int]) { l.Name = "" }},
		{"Claim", func(l *work.Loop[int]) { l.Claim = nil }},
		{"Do", func(l *work.Loop[int]) { l.Do = nil }},
		{"Log", func(l *work.Loop[int]) { l.Log = nil }},
	} {
		l := full
		tc.clear(&l)
		_, err := l.Task()
		require.ErrorContains(t, err, tc.name+" is missing")
	}
}

// A panic in one item is a failure of that item; the others continue.
func TestLoopSurvivesAPanic(t *testing.T) {
	t.Parallel()
	var done atomic.Int32
	items := []int{1, 2, 3}
	stop := start(t, work.Loop[int]{
		Name: "fragile", Log: discard, Interval: time.Millisecond,
		Claim: func(context.Context, int) ([]int, error) {
			if len(items) == 0 {
				return nil, nil
			}
			next := items[:1]
			items = items[1:]
			return next, nil
		},
		Do: func(_ context.Context, item int) {
			if item == 2 {
				panic("a value nobody thought of") //nolint:forbidigo // a panic is what is tested
			}
			done.Add(1)
		},
	})
	await.Require(t, 10*time.Second, func() bool { return done.Load() == 2 })
	require.NoError(t, stop())
}

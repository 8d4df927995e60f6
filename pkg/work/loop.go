package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

// Loop claims work and runs it with a bounded number of workers. It claims only as much as there are free workers, so no lease
// runs out in a queue.
type Loop[T any] struct {
	// Name of the task, for logs.
	Name string
	// Workers is how many items run at once; 0 means 1.
	Workers int
	// Interval is how often to look for work that nobody announced; 0 means one second.
	Interval time.Duration
	// Wake announces work: a value makes the loop look at once. It may be nil; a closed channel counts as nil. With a buffer of
	// one, an announcement that comes while the loop is looking is not lost.
	Wake <-chan struct{}
	// Claim claims at most limit items.
	Claim func(ctx context.Context, limit int) ([]T, error)
	// Do does one item and settles it; it records failures itself. Its ctx ends after Timeout.
	Do func(ctx context.Context, item T)
	// Timeout of one item; it must be shorter than the lease. 0 means 30 s.
	Timeout time.Duration
	// Grace is how long items under way may go on when the loop is stopped; 0 means 5 s.
	Grace time.Duration
	Log   *slog.Logger
}

// Task checks the loop and makes it a task. A claim that fails is logged and tried again at the next interval.
func (l Loop[T]) Task() (lifecycle.Task, error) {
	switch {
	case l.Name == "":
		return lifecycle.Task{}, errors.New("work loop: Name is missing")
	case l.Claim == nil:
		return lifecycle.Task{}, errors.New("work loop " + l.Name + ": Claim is missing")
	case l.Do == nil:
		return lifecycle.Task{}, errors.New("work loop " + l.Name + ": Do is missing")
	case l.Log == nil:
		return lifecycle.Task{}, errors.New("work loop " + l.Name + ": Log is missing")
	}
	l.Workers = max(l.Workers, 1)
	setDefault(&l.Interval, time.Second)
	setDefault(&l.Timeout, 30*time.Second)
	setDefault(&l.Grace, 5*time.Second)
	return lifecycle.Task{Name: l.Name, Run: l.run}, nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

func (l Loop[T]) run(ctx context.Context) error {
	free := make(chan struct{}, l.Workers) // a token for each idle worker
	for range l.Workers {
		free <- struct{}{}
	}
	items, stopItems := itemContext(ctx, l.Grace)
	var running sync.WaitGroup
	defer func() {
		running.Wait()
		stopItems()
	}()
	for {
		limit, ok := takeTokens(ctx, free)
		if !ok {
			return nil
		}
		claimed, err := l.Claim(ctx, limit)
		if err != nil && ctx.Err() == nil {
			l.Log.LogAttrs(ctx, slog.LevelWarn, "claiming work did not succeed", slog.String("loop", l.Name), slog.Any("error", err))
		}
		for _, item := range claimed {
			running.Go(func() {
				defer func() { free <- struct{}{} }()
				ictx, cancel := context.WithTimeout(items, l.Timeout)
				defer cancel()
				l.do(ictx, item)
			})
		}
		for range limit - len(claimed) {
			free <- struct{}{}
		}
		// A full claim means that there is probably more work.
		if err == nil && len(claimed) == limit {
			continue
		}
		if !l.rest(ctx) {
			return nil
		}
	}
}

// do does one item. A panic is that item's failure: its lease runs out and it is claimed again, with the attempt counted.
func (l Loop[T]) do(ctx context.Context, item T) {
	defer func() {
		if cause := recover(); cause != nil {
			l.Log.LogAttrs(ctx, slog.LevelError, "claimed work panicked", slog.String("loop", l.Name), slog.String("type", fmt.Sprintf("%T", cause)),
				slog.String("stack", string(debug.Stack())))
		}
	}()
	l.Do(ctx, item)
}

// rest waits for an announcement or the interval and reports whether to go on.
func (l Loop[T]) rest(ctx context.Context) bool {
	timer := time.NewTimer(l.Interval)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	case _, open := <-l.Wake:
		if !open {
			l.Wake = nil
			return l.rest(ctx)
		}
		return true
	}
}

// takeTokens waits for one idle worker and takes all that are idle.
func takeTokens(ctx context.Context, free chan struct{}) (int, bool) {
	if ctx.Err() != nil {
		return 0, false
	}
	select {
	case <-ctx.Done():
		return 0, false
	case <-free:
	}
	n := 1
	for {
		select {
		case <-free:
			n++
		default:
			return n, true
		}
	}
}

// itemContext outlives ctx by the grace.
func itemContext(ctx context.Context, grace time.Duration) (context.Context, func()) {
	items, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-items.Done():
		}
	})
	return items, func() { unhook(); cancel() }
}

package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// poll calls done until it returns true, with a pause between two calls.
func poll(ctx context.Context, pause time.Duration, done func() (bool, error)) error {
	for {
		ok, err := done()
		if err != nil || ok {
			return err
		}
		if err := wait(ctx, pause); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// each calls do for 0 to n-1 with the given number of workers, and stops at the first error.
func each(ctx context.Context, workers, n int, do func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next atomic.Int64
	problems := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if problems[w] = do(ctx, i); problems[w] != nil {
					cancel()
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range problems {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
	return errors.Join(problems...)
}

// arrivals starts n calls at fixed intervals without waiting for earlier ones (open loop), and returns how long each took from
// when it was due.
func arrivals(ctx context.Context, clockNow func() time.Time, interval time.Duration, n int, do func(ctx context.Context, i int) error) ([]time.Duration, error) {
	took, problems := make([]time.Duration, n), make([]error, n)
	start := clockNow()
	var group sync.WaitGroup
	for i := range n {
		due := start.Add(time.Duration(i) * interval)
		if err := wait(ctx, due.Sub(clockNow())); err != nil {
			return nil, err
		}
		group.Go(func() {
			problems[i] = do(ctx, i)
			took[i] = clockNow().Sub(due)
		})
	}
	group.Wait()
	return took, errors.Join(problems...)
}

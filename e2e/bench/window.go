package main

import (
	"context"
	"sync"
	"sync/atomic"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// window is how many batches may be in progress. A faster sender waits for room, like a sender with a full queue.
const window = 12

// flow sends with a limited number of batches in progress, and follows all to the end. When the last document of a batch is
// complete, it adds the batch's size to done.
func (c *chain) flow(ctx context.Context, f *follower, d *followed, next source, done *atomic.Int64) error {
	room, on := make(chan struct{}, window), make(chan sent, window)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	group.Go(func() {
		for batch := range on {
			if err := f.await(ctx, batch.last(), complete); err != nil {
				cancel(err)
				return
			}
			done.Add(int64(len(batch.numbers)))
			<-room
		}
	})
	var err error
	d.Counts.Accepted, d.Retries, err = c.send(ctx, c.sender, func(ctx context.Context) (*intakev1.BatchSendRequest, error) {
		select {
		case room <- struct{}{}:
			return next(ctx)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}, func(s sent) { on <- s })
	if err != nil {
		cancel(err)
	}
	close(on)
	group.Wait()
	return context.Cause(ctx)
}

package content

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// streamWait is how long a caller waits until another has finished.
const streamWait = 10 * time.Second

// streams bound how many files are on their way at the same time, and with that the memory they take.
type streams struct {
	free  *semaphore.Weighted
	wait  time.Duration
	taken atomic.Int64
}

func newStreams(most int, wait time.Duration) *streams {
	return &streams{free: semaphore.NewWeighted(int64(most)), wait: wait}
}

// take waits for a place. The caller gives it back with release.
func (s *streams) take(ctx context.Context) (release func(), err error) {
	waiting, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	if err := s.free.Acquire(waiting, 1); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, tooManyStreams()
	}
	s.taken.Add(1)
	return func() {
		s.taken.Add(-1)
		s.free.Release(1)
	}, nil
}

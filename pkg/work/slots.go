package work

import (
	"context"
	"sync"
	"time"
)

const (
	// patience is how long bulk work waits for a slot. It is a courtesy between works that share the processors, not a lock: where one is
	// stuck, at a row that somebody holds or a server that is away, the others go on.
	patience = 250 * time.Millisecond
	// courtesy is how long bulk work waits for express work to come to an end: it goes on beside it then, so that singles without a pause
	// leave a batch its part.
	courtesy = 50 * time.Millisecond
)

// Slots let the works of a process share its processors, whichever units they are of. Express work, for which somebody waits, begins at once.
// Bulk work gives way to it, and has as many slots as there are processors: more at a time make it no faster and each piece of it dearer, and
// stand in the way of whoever waits for an answer. With nil Slots everybody begins at once.
type Slots struct {
	bulk chan struct{}

	mu      sync.Mutex
	express int
	// idle is closed when the last express work ends; nil while there is none.
	idle chan struct{}
}

// NewSlots makes the slots of a process.
func NewSlots() *Slots { return &Slots{bulk: make(chan struct{}, Processors())} }

// Express runs do at once.
func (s *Slots) Express(do func()) {
	if s != nil {
		s.begin()
		defer s.end()
	}
	do()
}

// Bulk runs do in a slot, for which it waits, after the express work that is under way.
func (s *Slots) Bulk(ctx context.Context, do func()) {
	if s != nil {
		if busy := s.busy(); busy != nil {
			wait(ctx, busy, courtesy)
		}
		if s.take(ctx) {
			defer func() { <-s.bulk }()
		}
	}
	do()
}

func (s *Slots) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.express == 0 {
		s.idle = make(chan struct{})
	}
	s.express++
}

func (s *Slots) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.express--; s.express == 0 {
		close(s.idle)
		s.idle = nil
	}
}

// busy is closed when no express work is under way any more; nil where that is so now.
func (s *Slots) busy() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idle
}

// take waits for a slot; false where it goes without one.
func (s *Slots) take(ctx context.Context) bool {
	select {
	case s.bulk <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s.bulk <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// wait until it is over, for so long at most.
func wait(ctx context.Context, over <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	case <-ctx.Done():
	}
}

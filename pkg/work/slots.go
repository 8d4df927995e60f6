package work

import (
	"context"
	"runtime"
	"time"
)

// patience is how long work waits for a slot. It is a courtesy between works that share the processors, not a lock: where one is stuck, at a
// row that somebody holds or a server that is away, the others go on.
const patience = 250 * time.Millisecond

// Slots bound how much bulk work a process does at the same time, whichever units it is of: as much as it has processors. More at a time makes bulk
// work no faster and each piece of it dearer, and stands in the way of whoever waits for an answer.
type Slots chan struct{}

// NewSlots makes the slots of a process.
func NewSlots() Slots { return make(Slots, runtime.GOMAXPROCS(0)) }

// Take waits for a slot and gives what ends it. A nil Slots has one for everybody.
func (s Slots) Take(ctx context.Context) (done func()) {
	if s == nil {
		return func() {}
	}
	select {
	case s <- struct{}{}:
		return s.give
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return s.give
	case <-timer.C:
	case <-ctx.Done():
	}
	return func() {}
}

func (s Slots) give() { <-s }

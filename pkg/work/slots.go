package work

import (
	"context"
	"runtime"
	"time"
)

// patience is how long work waits for a slot. It is a courtesy between works that share the processors, not a lock: where one is stuck, at a
// row that somebody holds or a server that is away, the others go on.
const patience = 250 * time.Millisecond

// Slots bound how many transactions of bulk consumers a process runs at the same time, whichever units they are of: as many as it has processors.
// More at a time make bulk work no faster and each piece of it dearer, and stand in the way of whoever waits for an answer.
type Slots chan struct{}

// NewSlots makes the slots of a process.
func NewSlots() Slots { return make(Slots, runtime.GOMAXPROCS(0)) }

// Do runs do in a slot, for which it waits. A nil Slots has one for everybody.
func (s Slots) Do(ctx context.Context, do func()) {
	if s.take(ctx) {
		defer func() { <-s }()
	}
	do()
}

// take waits for a slot; false where it goes without one.
func (s Slots) take(ctx context.Context) bool {
	if s == nil {
		return false
	}
	select {
	case s <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

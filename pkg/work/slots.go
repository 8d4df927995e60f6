package work

import (
	"context"
	"sync"
	"time"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// patience is how long bulk work waits for a slot. It is a courtesy between works that share the processors, not a lock: where one is
	// stuck, at a row that somebody holds or a server that is away, the others go on.
	patience = 250 * time.Millisecond
	// courtesy is how long bulk work waits for express work to come to an end: it goes on beside it then, so that singles without a pause
	// leave a batch its part.
	courtesy = 50 * time.Millisecond
	// lull is how long no express work must have ended until bulk works in large pieces again.
	lull = 250 * time.Millisecond
	// pieces is into how many bulk divides its work while express work comes.
	pieces = 5
)

// Slots let the works of a process share its processors, whichever units they are of. Express work, for which somebody waits, begins at once.
// Bulk work gives way to it, and has as many slots as there are processors: more at a time make it no faster and each piece of it dearer, and
// stand in the way of whoever waits for an answer. With nil Slots everybody begins at once.
type Slots struct {
	bulk chan struct{}

	mu      sync.Mutex
	express int
	// ended is when the last express work came to its end; idle is closed while none is under way.
	ended time.Time
	idle  chan struct{}
}

// NewSlots makes the slots of a process.
func NewSlots() *Slots { return newSlots(Processors()) }

func newSlots(bulk int) *Slots {
	s := &Slots{bulk: make(chan struct{}, bulk), idle: make(chan struct{})}
	close(s.idle)
	return s
}

// Do runs the work of a lane when it is its turn.
func (s *Slots) Do(ctx context.Context, lane platformv1.Lane, do func()) {
	switch {
	case s == nil:
	case lane != platformv1.Lane_LANE_BULK:
		s.begin()
		defer s.end()
	default:
		s.giveWay(ctx)
		if s.take(ctx) {
			defer func() { <-s.bulk }()
		}
	}
	do()
}

// begin counts a piece of express work.
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
	s.ended = time.Now() //nolint:forbidigo // an age within this process, no time that is told
	if s.express--; s.express == 0 {
		close(s.idle)
	}
}

// Piece is how many items the next work of a lane may have, of at most so many: for bulk a fifth of them while express work comes and goes, so
// that it is in its way for a shorter time.
func (s *Slots) Piece(lane platformv1.Lane, most int) int {
	if s == nil || lane != platformv1.Lane_LANE_BULK {
		return most
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.express > 0 || !s.ended.IsZero() && time.Since(s.ended) < lull {
		return max(1, most/pieces)
	}
	return most
}

// giveWay waits until no express work is under way.
func (s *Slots) giveWay(ctx context.Context) {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, courtesy)
	defer cancel()
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// take waits for a slot; false where it goes without one.
func (s *Slots) take(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case s.bulk <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

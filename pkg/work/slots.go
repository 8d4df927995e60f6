package work

import (
	"context"
	"sync"
	"time"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	// patience is how long bulk work waits for a slot. The slots only share the processors, they are no lock: if one piece of
	// work is stuck, at a locked row or a server that is away, the others go on.
	patience = 250 * time.Millisecond
	// courtesy is how long bulk work waits for express work to end. After that it runs beside it, so that single sends without a
	// pause still leave a batch its share.
	courtesy = 50 * time.Millisecond
	// lull is how long no express work must have ended before bulk works in large pieces again.
	lull = 250 * time.Millisecond
	// pieces is into how many parts bulk divides its work while express work comes.
	pieces = 5
)

// Slots share the processors among the work of all units in a process. Express work, for which somebody waits, begins at once.
// Bulk work gives way to it and has one slot per processor: more would make bulk no faster and each piece more expensive, and
// would delay those who wait for an answer. With nil Slots all work begins at once.
type Slots struct {
	bulk chan struct{}

	mu      sync.Mutex
	express int
	// ended is when the last express work ended; idle is closed while none is running.
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

// Do runs the work of a lane when its turn has come.
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
	s.ended = time.Now() //nolint:forbidigo // the age stays within this process
	if s.express--; s.express == 0 {
		close(s.idle)
	}
}

// Piece returns how many of at most most items the next work of a lane may take. For bulk it is a fifth while express work comes
// and goes, so that bulk delays it for a shorter time.
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

// giveWay waits until no express work is running.
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

// take waits for a slot; false if the work goes on without one.
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

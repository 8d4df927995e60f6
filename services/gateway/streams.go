package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

// pieceBytes is how much of a file is in one message.
const pieceBytes = 256 << 10

// streams bounds the files that are under way at both doors at one time. A stream may take long, so it neither waits for a place
// nor takes one from calls.
type streams struct {
	config StreamsConfig

	mu   sync.Mutex
	open int
	of   map[string]int
}

func newStreams(c StreamsConfig) *streams { return &streams{config: c, of: make(map[string]int)} }

// begin takes a place for a stream of a network address. Errors: OVERLOADED.
func (s *streams) begin(origin string) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open >= s.config.AtOnce || s.of[origin] >= s.config.AtOncePerAddress {
		return nil, overloaded(s.config.Still.Std())
	}
	s.open++
	s.of[origin]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if s.of[origin]--; s.of[origin] == 0 {
			delete(s.of, origin)
		}
	}, nil
}

// stream begins a file of the caller in ctx, who was admitted. The connection's times, which are those of calls, end: a file has
// its own.
func (d *door) stream(ctx context.Context) (end func(), err error) {
	end, err = d.streams.begin(originOf(ctx))
	if err != nil {
		d.metrics.refusal(ctx, d.name, err)
		return nil, err
	}
	c := d.streams.config
	if control := controlOf(ctx); control != nil {
		control.readUntil(time.Time{})
		control.writeUntil(clock.System().Now().Add(c.Longest.Std() + c.Still.Std() + answerTime))
	}
	return end, nil
}

// writeSoon bounds how long the caller may take over what is written next. The stream's pace ends before it and can say why; this
// ends a write that nobody takes.
func (d *door) writeSoon(ctx context.Context) {
	if control := controlOf(ctx); control != nil {
		control.writeUntil(clock.System().Now().Add(2 * d.streams.config.Still.Std()))
	}
}

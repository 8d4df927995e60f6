package gateway

import (
	"encoding/binary"
	"io"
	"net/http"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

// flow makes a body a stream of messages. Only the message that somebody asked for is read, whoever reads: grpc-go's reader
// would take in the whole body ahead of the unit. What is held of a stream is therefore one message, and each has its own time.
type flow struct {
	// still is how long a message may take to arrive.
	still time.Duration
	// bound is the largest message. Without framed, the body is cut into messages of this size.
	bound int64
	// framed says that the body has gRPC's messages, each with a head.
	framed bool
	// wanted has an entry when the next message is asked for.
	wanted chan struct{}

	// within says that a message has begun and is not whole, left is what is missing of its head or of itself, held what was
	// taken from what is in flight.
	within     bool
	head       []byte
	left, held int64
}

// stream makes the body a stream of messages, before anything of it is read.
func (b *body) stream(still time.Duration, bound int, framed bool) {
	b.flow = &flow{still: still, bound: int64(bound), framed: framed, wanted: make(chan struct{}, 1)}
	// The answer's headers belong to whoever passes the messages on.
	b.broken = nil
}

// ask lets the next message be read; the last one has been passed on.
func (b *body) ask() { b.flow.wanted <- struct{}{} }

// readMessage reads a part of the message that was asked for. Errors: those of Read.
func (b *body) readMessage(p []byte) (int, error) {
	f := b.flow
	if !f.within {
		select {
		case <-f.wanted:
		case <-b.holding.unwanted:
			return 0, b.fail(io.ErrClosedPipe)
		}
		if err := b.begin(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := b.from.Read(p[:min(int64(len(p)), f.left)])
	if n > 0 {
		if f.framed {
			if failure := b.keep(n, len(p)); failure != nil {
				return 0, b.fail(failure)
			}
		}
		if failure := f.count(p[:n]); failure != nil {
			return 0, b.fail(failure)
		}
		if !f.within {
			// While the unit takes the message, nothing is waited for from the caller.
			b.deadline(time.Time{})
		}
	}
	return b.got(n, err)
}

// begin gives back what the last message held, and begins the time of the next one.
func (b *body) begin() error {
	f := b.flow
	b.holding.give(f.held)
	f.held, f.within, f.left, b.turn = 0, true, f.bound, false
	b.until = clock.System().Now().Add(f.still)
	b.deadline(b.until)
	if f.framed {
		f.left, f.head = messageHead, f.head[:0]
		return nil
	}
	// The message's room is made at once.
	return b.take(f.bound)
}

// count follows the messages. Errors: *http.MaxBytesError for one that is announced larger than the bound.
func (f *flow) count(data []byte) error {
	f.left -= int64(len(data))
	if f.framed && len(f.head) < messageHead {
		f.head = append(f.head, data...)
		if f.left > 0 {
			return nil
		}
		f.left = int64(binary.BigEndian.Uint32(f.head[1:]))
		if f.left > f.bound {
			return &http.MaxBytesError{Limit: f.bound}
		}
	}
	f.within = f.left > 0
	return nil
}

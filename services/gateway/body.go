package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

const (
	// callBytes is what a request costs beside its message: goroutines and buffers.
	callBytes = 16 << 10
	// maxOtherBytes bounds the body of what is no RPC of a unit.
	maxOtherBytes = 64 << 10
)

// body is the body of a request, as far as it is read. Every byte that is kept of it is taken from what is in flight, and it
// has a time for its first byte and for the whole.
type body struct {
	from    io.ReadCloser
	control *connection
	holding *holding
	// buffered says that a read costs its whole buffer, however few bytes came.
	buffered bool
	// admitted is closed when the caller was found to be one from whom the body is taken.
	admitted chan struct{}
	left     int64
	limit    int64

	firstByte time.Duration
	// until is when the whole must be there, waits the time that the connection has now.
	until, waits time.Time
	turn         bool
	failed       error
	// flow is set where the body is a stream of messages that are passed on one by one.
	flow *flow
	// broken is called, where it is given, when the rest of the body will not be read.
	broken func()
	// refused tells whoever forwards the message why it is not taken to its end: grpc-go answers errors of reading in its own
	// words. Nil where the reader gets the error.
	refused chan error
}

type bodyKey struct{}

// bodyOf is the body of the request that ctx belongs to.
func bodyOf(ctx context.Context) *body {
	b, _ := ctx.Value(bodyKey{}).(*body)
	return b
}

// Read waits until the caller is admitted. Errors beside the connection's own: *http.MaxBytesError, os.ErrDeadlineExceeded,
// and the fault OVERLOADED.
func (b *body) Read(p []byte) (int, error) {
	if b.failed != nil {
		return 0, b.failed
	}
	select {
	case <-b.admitted:
	case <-b.holding.unwanted:
		return 0, b.fail(io.ErrClosedPipe)
	}
	if b.flow != nil {
		return b.readMessage(p)
	}
	if b.left == b.limit {
		b.deadline(clock.System().Now().Add(b.firstByte))
	}
	n, err := b.from.Read(p[:min(len(p), callBytes)])
	switch {
	case n > 0 && int64(n) > b.left:
		return 0, b.fail(&http.MaxBytesError{Limit: b.limit})
	case n > 0:
		b.left -= int64(n)
		if failure := b.keep(n, len(p)); failure != nil {
			return 0, b.fail(failure)
		}
	}
	return b.got(n, err)
}

// got is what a read gives.
func (b *body) got(n int, err error) (int, error) {
	if err == nil {
		return n, nil
	}
	if b.turn && errors.Is(err, os.ErrDeadlineExceeded) {
		err = overloaded(b.holding.budget.wait)
	}
	b.holding.whole()
	if err == io.EOF { //nolint:errorlint // a reader's own end is never wrapped
		b.deadline(time.Time{})
	}
	return n, b.fail(err)
}

// keep takes room for what was read.
func (b *body) keep(n, buffer int) error {
	if b.buffered {
		n = buffer
	}
	return b.take(int64(n))
}

// take takes room for bytes of the request.
func (b *body) take(bytes int64) error {
	turn, err := b.holding.take(bytes)
	if err != nil {
		return err
	}
	if b.flow != nil {
		b.flow.held += bytes
	}
	if turn {
		b.hurry()
	}
	b.deadline(b.until)
	return nil
}

// hurry shortens the time of a request that has the turn: it must not keep the others waiting, either.
func (b *body) hurry() {
	if until := clock.System().Now().Add(b.holding.budget.wait); !b.turn && until.Before(b.until) {
		b.turn, b.until = true, until
	}
}

// Close ends reading.
func (b *body) Close() error {
	b.holding.leave()
	return b.from.Close()
}

func (b *body) fail(err error) error {
	b.failed = err
	if err == io.EOF { //nolint:errorlint // a reader's own end is never wrapped
		return err
	}
	if b.broken != nil {
		b.broken()
	}
	if b.refused != nil {
		b.refused <- err
		<-b.holding.unwanted
	}
	return err
}

// deadline sets until when the connection waits for bytes. A connection that cannot be given one ends with its server's own.
func (b *body) deadline(at time.Time) {
	if !at.Equal(b.waits) {
		b.waits = at
		b.control.readUntil(at)
	}
}

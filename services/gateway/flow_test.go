package gateway

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// flowing is the body of a stream that holds framed messages of these sizes.
func flowing(f *inFlight, bound int, sizes ...int) *body {
	var all bytes.Buffer
	for _, size := range sizes {
		head := make([]byte, messageHead)
		binary.BigEndian.PutUint32(head[1:], uint32(size))
		all.Write(head)
		all.Write(make([]byte, size))
	}
	b := &body{
		from: io.NopCloser(&all), control: connectionOf(httptest.NewRecorder()), holding: f.from("a"), buffered: true, admitted: make(chan struct{}),
	}
	close(b.admitted)
	b.stream(time.Minute, bound, true)
	return b
}

// readAll reads as grpc-go does: into buffers of a fixed size, each read at most what is asked for.
func readAll(b *body, into int) (n int, err error) {
	buffer := make([]byte, into)
	for err == nil {
		var read int
		read, err = b.Read(buffer)
		n += read
	}
	return n, err
}

// Of a stream one message is held at a time, however many come: what is in flight has room for three buffers here.
func TestFlowHoldsOneMessage(t *testing.T) {
	t.Parallel()
	f := narrow(3*callBytes, 3*callBytes, 50*time.Millisecond)
	b := flowing(f, mebibyte, callBytes, 0, 100, callBytes, callBytes)
	for range 6 {
		go b.ask()
	}
	n, err := readAll(b, callBytes)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, 3*callBytes+100+5*messageHead, n)
	b.holding.end()
	require.Zero(t, f.held)
	require.Empty(t, f.of)

	// The second message is not read before somebody asks for it, which nobody does any more.
	waiting := flowing(f, mebibyte, 10, 10)
	waiting.ask()
	require.NoError(t, waiting.Close())
	n, err = readAll(waiting, callBytes)
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.LessOrEqual(t, n, 10+messageHead)
}

// A message that is announced larger than the bound is refused by its head.
func TestFlowRefusesByTheHead(t *testing.T) {
	t.Parallel()
	f := narrow(mebibyte, mebibyte, time.Minute)
	b := flowing(f, 100, 100, 101)
	go b.ask()
	go b.ask()
	n, err := readAll(b, callBytes)
	var over *http.MaxBytesError
	require.ErrorAs(t, err, &over)
	require.EqualValues(t, 100, over.Limit)
	require.Equal(t, 100+messageHead, n)
}

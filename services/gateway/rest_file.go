package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// file serves a request whose RPC streams a file.
func (d *restDoor) file(w http.ResponseWriter, r *http.Request, route *gateway.Route, request proto.Message) {
	end, err := d.door.stream(r.Context())
	if err != nil {
		answerUnread(w, r, err)
		return
	}
	defer end()
	if route.File.Upload {
		d.upload(w, r, route, request)
		return
	}
	d.download(w, r, route, request)
}

// open opens the stream of a file, with the caller's token.
func (d *restDoor) open(ctx context.Context, r *http.Request, route *gateway.Route) (grpc.ClientStream, error) {
	method := rpc.FullMethod(route.RPC)
	conn, err := d.outward(d.catalogue.methods[method].unit)
	if err != nil {
		return nil, err
	}
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", r.Header.Get("Authorization"))
	return conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: route.File.Upload, ServerStreams: !route.File.Upload}, method)
}

// upload streams the body to the unit: first the request without bytes, so that the unit can refuse it before a byte is read,
// then the bytes in pieces.
func (d *restDoor) upload(w http.ResponseWriter, r *http.Request, route *gateway.Route, request proto.Message) {
	pieces := &pieces{file: route.File, first: request, body: r.Body, buffer: make([]byte, pieceBytes)}
	if b := bodyOf(r.Context()); b != nil {
		b.stream(d.door.streams.config.Still.Std(), pieceBytes, false)
		pieces.flow = b
	}
	answer := route.File.NewResponse()
	err := d.door.streams.config.upload(r.Context(), func(ctx context.Context) (grpc.ClientStream, error) {
		return d.open(ctx, r, route)
	}, pieces.next, answer)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		gateway.GiveUpBody(w, r)
		gateway.WriteBodyLate(r.Context(), w)
		return
	case err != nil:
		answerUnread(w, r, err)
		return
	}
	text, err := gateway.Marshal(route.File.Answer(answer))
	if err != nil {
		answerUnread(w, r, err)
		return
	}
	if !pieces.whole {
		gateway.GiveUpBody(w, r)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the caller has gone
}

// answerUnread answers a request whose body may not have been read to its end.
func answerUnread(w http.ResponseWriter, r *http.Request, err error) {
	gateway.GiveUpBody(w, r)
	gateway.WriteError(r.Context(), w, err)
}

// pieces makes messages of the body of an upload.
type pieces struct {
	file   *gateway.File
	first  proto.Message
	body   io.Reader
	flow   *body
	buffer []byte
	whole  bool
}

// piece is what was read of a body.
type piece struct {
	bytes int
	err   error
}

// next is a feed. Whoever reads may wait for the caller longer than ctx lasts; then nothing of it is used any more.
func (p *pieces) next(ctx context.Context) (any, error) {
	if first := p.first; first != nil {
		p.first = nil
		return first, nil
	}
	if p.flow != nil {
		p.flow.ask()
	}
	came := make(chan piece, 1)
	go func() {
		var got piece
		for got.bytes < len(p.buffer) && got.err == nil {
			var n int
			n, got.err = p.body.Read(p.buffer[got.bytes:])
			got.bytes += n
		}
		came <- got
	}()
	select {
	case got := <-came:
		return p.message(got)
	case <-ctx.Done():
		return nil, fmt.Errorf("read the body: %w", context.Cause(ctx))
	}
}

// message is what a piece becomes: nil where nothing came.
func (p *pieces) message(got piece) (message any, err error) {
	if got.bytes > 0 {
		message = p.file.Piece(p.buffer[:got.bytes])
	}
	var told *fault.Error
	switch {
	case got.err == nil:
		return message, nil
	case errors.Is(got.err, io.EOF):
		p.whole = true
		return message, io.EOF
	case errors.Is(got.err, os.ErrDeadlineExceeded), errors.As(got.err, &told):
		return message, got.err
	default:
		return message, fault.New(fault.Invalid, domain, gatewayv1.Reason_REASON_INVALID_REQUEST, "the body did not arrive whole", fault.Wrap(got.err))
	}
}

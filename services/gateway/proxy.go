package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	grpcproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// unitHeader names the unit for calls of a service that every unit offers.
const unitHeader = "naru-unit"

// openReceive is how long the message of a caller without a token may take.
const openReceive = 2 * time.Second

// frame is a message that is forwarded unchanged.
type frame struct{ data mem.BufferSlice }

// rawCodec passes frames on and leaves real messages (health, reflection) to the standard codec.
type rawCodec struct{ standard encoding.CodecV2 }

func newRawCodec() rawCodec { return rawCodec{standard: encoding.GetCodecV2(grpcproto.Name)} }

// Marshal gives a frame's bytes.
func (c rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return c.standard.Marshal(v)
	}
	f.data.Ref()
	return f.data, nil
}

// Unmarshal keeps the bytes.
func (c rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return c.standard.Unmarshal(data, v)
	}
	data.Ref()
	f.data = data
	return nil
}

// Name is the standard codec's name, so that the other side sees a normal call.
func (c rawCodec) Name() string { return grpcproto.Name }

// proxy passes calls of the gRPC door on, as bytes.
type proxy struct {
	door      *door
	dial      func(unit string) (grpc.ClientConnInterface, error)
	catalogue *catalogue
	tracer    trace.Tracer
	timeout   time.Duration
	codec     rawCodec
}

// handle is the handler of every method the door has no service for.
func (p *proxy) handle(_ any, stream grpc.ServerStream) error {
	method, ok := grpc.MethodFromServerStream(stream)
	if !ok {
		return gateway.NoSuchRoute()
	}
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	ctx := propagation.TraceContext{}.Extract(stream.Context(), carrier(incoming))
	ctx, span := p.tracer.Start(ctx, "gRPC door", trace.WithSpanKind(trace.SpanKindServer))
	defer span.End()
	err := p.pass(ctx, method, incoming, stream)
	if err != nil {
		span.SetStatus(codes.Error, fault.KindOf(err).String())
		return fault.ToStatus(err).Err()
	}
	return nil
}

func (p *proxy) pass(ctx context.Context, method string, incoming metadata.MD, stream grpc.ServerStream) error {
	to, known := p.catalogue.methods[method]
	if !known {
		return p.door.missed(ctx)
	}
	unit, err := p.unitFor(to, incoming)
	if err != nil {
		return err
	}
	// Of requests for tokens only those count that are refused.
	if method != gatewayv1.TokenService_IssueToken_FullMethodName {
		if ctx, _, err = p.door.admit(ctx, to.rule, rpc.Bearer(ctx)); err != nil {
			return err
		}
	}
	conn, err := p.dial(unit)
	if err != nil {
		return err
	}
	outgoing := p.outgoing(ctx, unit, incoming)
	if to.file != nil {
		return p.file(ctx, to, method, func(ctx context.Context, desc *grpc.StreamDesc, method string) (grpc.ClientStream, error) {
			return conn.NewStream(metadata.NewOutgoingContext(ctx, outgoing), desc, method, grpc.ForceCodecV2(p.codec), grpc.WaitForReady(false))
		}, stream)
	}
	// The time for receiving counts, too: a caller that never sends its message cannot hold the door longer than other callers,
	// whatever deadline it asked for.
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	request, err := p.request(ctx, to, stream)
	if err != nil {
		return err
	}
	defer func() { request.data.Free() }()
	var reply frame
	if err := conn.Invoke(metadata.NewOutgoingContext(ctx, outgoing), method, request, &reply, grpc.ForceCodecV2(p.codec), grpc.WaitForReady(false)); err != nil {
		return checked(to, request, err)
	}
	defer func() { reply.data.Free() }()
	return sendAnswer(stream, &reply)
}

// outgoing is what goes with a call to a unit.
func (p *proxy) outgoing(ctx context.Context, unit string, incoming metadata.MD) metadata.MD {
	outgoing := metadata.MD{}
	if unit == domain {
		outgoing.Set(originHeader, originOf(ctx))
	}
	for _, name := range []string{"authorization", "idempotency-key"} {
		if values := incoming.Get(name); len(values) > 0 {
			outgoing.Set(name, values...)
		}
	}
	return outgoing
}

// checked is the failure of a call with one request. A server answers Internal to a message it cannot decode, before our code
// sees it. Only then is the message checked here.
func checked(to target, request *frame, err error) error {
	if fault.KindOf(err) == fault.Internal && proto.Unmarshal(request.data.Materialize(), dynamicpb.NewMessage(to.input)) != nil {
		return undecodable()
	}
	return err
}

// sendAnswer sends a message to the caller, who may have gone.
func sendAnswer(stream grpc.ServerStream, reply *frame) error {
	if err := stream.SendMsg(reply); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("send the answer: %w", err)
	}
	return nil
}

// request receives the only request of a call, and takes its items from the caller's quota.
func (p *proxy) request(ctx context.Context, to target, stream grpc.ServerStream) (*frame, error) {
	if from := bodyOf(ctx); from != nil {
		close(from.admitted)
	}
	request, err := p.receive(ctx, to, stream)
	if err != nil {
		return nil, err
	}
	if size := request.data.Len(); size > to.bounds.RequestBytes {
		request.data.Free()
		return nil, tooLarge(to.bounds.RequestBytes)
	}
	if field := to.bounds.Items; field != nil {
		if _, err := p.door.items(ctx, countItems(request.data, field.Number())); err != nil {
			request.data.Free()
			return nil, err
		}
	}
	return request, nil
}

// receive waits until ctx ends for a message. The time of callers without a token is short: their messages
// are held before anybody knows who they are.
func (p *proxy) receive(ctx context.Context, to target, stream grpc.ServerStream) (*frame, error) {
	if to.rule.GetOpen() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, openReceive)
		defer cancel()
	}
	var refused <-chan error
	if from := bodyOf(ctx); from != nil {
		refused = from.refused
	}
	came := make(chan arrived, 1)
	// The stream ends with its handler, and then this reader ends, too.
	go func() {
		a := arrived{request: &frame{}}
		a.err = stream.RecvMsg(a.request)
		came <- a
	}()
	var err error
	select {
	case a := <-came:
		if a.err == nil {
			return a.request, nil
		}
		err = a.err
	case err = <-refused:
	case <-ctx.Done():
		err = ctx.Err()
	}
	var over *http.MaxBytesError
	var told *fault.Error
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(to.bounds.RequestBytes)
	case errors.As(err, &told):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = context.DeadlineExceeded
	case ctx.Err() != nil:
		err = ctx.Err()
	default:
		return nil, notWhole(err)
	}
	return nil, fmt.Errorf("receive the request: %w", err)
}

type arrived struct {
	request *frame
	err     error
}

// unitFor is the unit a call goes to.
func (p *proxy) unitFor(to target, incoming metadata.MD) (string, error) {
	if to.unit != "" {
		return to.unit, nil
	}
	named := incoming.Get(unitHeader)
	if len(named) != 1 || !p.catalogue.has(named[0]) {
		return "", unitNotNamed()
	}
	return named[0], nil
}

// countItems counts the occurrences of a field of the request, without reading them.
func countItems(data mem.BufferSlice, field protowire.Number) int {
	raw := data.Materialize()
	items := 0
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			break
		}
		length := protowire.ConsumeFieldValue(number, kind, raw[n:])
		if length < 0 {
			break
		}
		if number == field {
			items++
		}
		raw = raw[n+length:]
	}
	return items
}

// carrier is what trace context is read from.
func carrier(incoming metadata.MD) propagation.MapCarrier {
	first := propagation.MapCarrier{}
	for key, values := range incoming {
		first[key] = values[0]
	}
	return first
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/rpc"
)

// file passes a stream of a file on: its messages as bytes, one after the other, no faster than they are taken.
func (p *proxy) file(ctx context.Context, to target, method string, open opener, stream grpc.ServerStream) error {
	end, err := p.door.stream(ctx)
	if err != nil {
		return err
	}
	defer end()
	if to.file.Upload {
		return p.upload(ctx, to, method, open, stream)
	}
	return p.download(ctx, to, method, open, stream)
}

// opener opens the stream of a method of the unit that the call goes to.
type opener func(ctx context.Context, desc *grpc.StreamDesc, method string) (grpc.ClientStream, error)

func (p *proxy) upload(ctx context.Context, to target, method string, open opener, stream grpc.ServerStream) error {
	config := p.door.streams.config
	from := bodyOf(ctx)
	if from != nil {
		from.stream(config.Still.Std(), to.bounds.RequestBytes, true)
		close(from.admitted)
	}
	last, reply := &frame{}, &frame{}
	defer func() {
		last.data.Free()
		reply.data.Free()
	}()
	next := func(ctx context.Context) (any, error) {
		last.data.Free()
		last.data = nil
		if from != nil {
			from.ask()
		}
		got, err := p.receive(ctx, to, stream)
		if err != nil {
			return nil, err
		}
		last = got
		return got, nil
	}
	err := config.upload(ctx, func(ctx context.Context) (grpc.ClientStream, error) {
		return open(ctx, &grpc.StreamDesc{ClientStreams: true}, method)
	}, next, reply)
	if err != nil {
		return err
	}
	return sendAnswer(stream, reply)
}

func (p *proxy) download(ctx context.Context, to target, method string, open opener, stream grpc.ServerStream) error {
	receiving, received := context.WithTimeout(ctx, p.timeout)
	defer received()
	request, err := p.request(receiving, to, stream)
	if err != nil {
		return err
	}
	defer func() { request.data.Free() }()
	config := p.door.streams.config
	paced, pace := rpc.NewPace(ctx, config.Still.Std(), config.Longest.Std())
	defer pace.Stop()
	out, err := open(paced, &grpc.StreamDesc{ServerStreams: true}, method)
	if err != nil {
		return err
	}
	if err := send(out, request); err != nil {
		return err
	}
	for {
		var reply frame
		err := out.RecvMsg(&reply)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return checked(to, request, ended(paced, err))
		}
		pace.Moved()
		p.door.writeSoon(ctx)
		err = sendAnswer(stream, &reply)
		reply.data.Free()
		if err != nil {
			return err
		}
		pace.Moved()
	}
}

// send sends the only request of a stream. Where the unit has ended the stream already, the answer says why.
func send(out grpc.ClientStream, request any) error {
	if err := out.SendMsg(request); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("send the request: %w", err)
	}
	if err := out.CloseSend(); err != nil {
		return fmt.Errorf("send the request: %w", err)
	}
	return nil
}

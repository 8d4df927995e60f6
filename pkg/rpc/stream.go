package rpc

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
)

// A unary call's deadline says nothing about a file: how long it takes depends on its size. A stream goes on as long as its
// messages do.
const (
	// MaxStream is the longest time for a stream; a caller's own deadline, as that of the doors, is shorter.
	MaxStream = 2 * time.Hour
	// MaxStill is how long a stream may stand still, no message coming or going, before the unit ends it. Checking a whole file
	// before the answer counts, too.
	MaxStill = 2 * time.Minute
)

// Pace ends a stream that stands still or takes too long.
type Pace struct {
	still  time.Duration
	timer  *time.Timer
	cancel context.CancelFunc
	ended  context.CancelFunc
}

// NewPace begins to watch a stream. The context, which is that of the stream from now on, ends when nothing moved for the time
// still, and after the time whole; its cause is then context.DeadlineExceeded. The caller MUST call Stop.
func NewPace(ctx context.Context, still, whole time.Duration) (context.Context, *Pace) {
	ctx, ended := context.WithTimeout(ctx, whole)
	ctx, cancel := context.WithCancelCause(ctx)
	p := &Pace{still: still, ended: ended, cancel: func() { cancel(nil) }}
	p.timer = time.AfterFunc(still, func() { cancel(context.DeadlineExceeded) })
	return ctx, p
}

// Moved tells that a message came or went.
func (p *Pace) Moved() { p.timer.Reset(p.still) }

// Rest stops watching for standing still until the next Moved: somebody is waited for who has a time of its own.
func (p *Pace) Rest() { p.timer.Stop() }

// Stop ends the context and the watch.
func (p *Pace) Stop() {
	p.timer.Stop()
	p.cancel()
	p.ended()
}

func (s *Server) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx, started := stream.Context(), s.deps.Clock.Now()
	defer func() { err = s.edge(ctx, info.FullMethod, started, recover(), err) }()
	ctx, err = s.admit(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	paced, pace := NewPace(ctx, MaxStill, MaxStream)
	defer pace.Stop()
	return handler(srv, &serverStream{ServerStream: stream, ctx: paced, pace: pace, validate: s.validate})
}

// serverStream validates the messages of a stream as they come, and ends with its pace.
type serverStream struct {
	grpc.ServerStream
	ctx      context.Context //nolint:containedctx // a stream has one context for its life
	pace     *Pace
	validate func(any) error
}

// Context carries the caller.
func (s *serverStream) Context() context.Context { return s.ctx }

// RecvMsg receives and validates a message.
func (s *serverStream) RecvMsg(m any) error {
	if err := s.move("receive", func() error { return s.ServerStream.RecvMsg(m) }); err != nil {
		return err
	}
	return s.validate(m)
}

// SendMsg sends a message. It waits until there is room for it on the way.
func (s *serverStream) SendMsg(m any) error {
	return s.move("send", func() error { return s.ServerStream.SendMsg(m) })
}

// move does a step of the stream, but no longer than its context: gRPC itself would wait as long as the caller is there. A step
// that is given up ends with the stream, once the handler has returned.
func (s *serverStream) move(what string, step func() error) error {
	done := make(chan error, 1)
	go func() { done <- step() }()
	select {
	case err := <-done:
		s.pace.Moved()
		return err
	case <-s.ctx.Done():
		return fmt.Errorf("%s a message: %w", what, context.Cause(s.ctx))
	}
}

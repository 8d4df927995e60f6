package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/rpc"
)

// feed gives the next message of an upload, nil where none came before err. io.EOF ends the upload as its caller wanted, and
// every other error cuts it off. ctx ends when no more is wanted.
type feed func(ctx context.Context) (message any, err error)

// upload passes a caller's messages on to a unit, one after the other, and receives its answer.
//
// A unit keeps what it received, and it can only do so if the stream is not torn away under it. So an upload that is cut off ends
// for the unit as a whole one does; from the size that was announced before it knows that more must come.
func (c StreamsConfig) upload(ctx context.Context, open func(ctx context.Context) (grpc.ClientStream, error), next feed, answer any) error {
	ctx, pace := rpc.NewPace(context.WithoutCancel(ctx), c.Still.Std(), c.Longest.Std()+c.Still.Std())
	defer pace.Stop()
	out, err := open(ctx)
	if err != nil {
		return err
	}
	wanted, enough := context.WithTimeout(ctx, c.Longest.Std())
	defer enough()
	answered := make(chan error, 1)
	go func() {
		answered <- out.RecvMsg(answer)
		enough()
	}()
	cut := forward(wanted, pace, out, next)
	select {
	case err := <-answered: // before the caller had ended: it does not matter any more what was cut off
		return ended(ctx, err)
	default:
	}
	pace.Moved()
	if err := out.CloseSend(); err != nil {
		return fmt.Errorf("end the upload: %w", err)
	}
	if err := <-answered; cut == nil {
		return ended(ctx, err)
	}
	return cut
}

// ended is why a stream with a pace failed: what ended its context, or err.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return fmt.Errorf("pass a file on: %w", cause)
	}
	return err
}

// forward passes messages on until the caller has ended, nil, or is cut off, or the unit wants no more.
func forward(wanted context.Context, pace *rpc.Pace, out grpc.ClientStream, next feed) error {
	for {
		// Whoever gives the messages has a time of its own.
		pace.Rest()
		message, err := next(wanted)
		pace.Moved()
		if message != nil {
			if sent := out.SendMsg(message); sent != nil {
				return nil //nolint:nilerr // the unit has ended the stream: its answer says why
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

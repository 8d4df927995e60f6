package rpc_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/rpc/rpctest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// uploadID is that of all tests: nobody looks.
const uploadID = "0196f0a2-0000-7000-8000-000000000001"

// content is a service with streams, whose answers the test decides.
type content struct {
	contentv1.UnimplementedUploadServiceServer
	contentv1.UnimplementedContentServiceServer
	append func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error
	read   func(stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error
}

func (c *content) AppendUpload(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
	return c.append(stream)
}

func (c *content) ReadContent(_ *contentv1.ReadContentRequest, stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
	return c.read(stream)
}

func serveContent(t *testing.T) (*rpctest.Relay, *content) {
	t.Helper()
	relay, service := rpctest.New(t, clock.NewFake(now)), &content{}
	relay.Serve(t, "content", func(r grpc.ServiceRegistrar) {
		contentv1.RegisterUploadServiceServer(r, service)
		contentv1.RegisterContentServiceServer(r, service)
	})
	return relay, service
}

// uploading sends messages and gives how the stream ended.
func uploading(t *testing.T, conn grpc.ClientConnInterface, messages ...*contentv1.AppendUploadRequest) error {
	t.Helper()
	stream, err := contentv1.NewUploadServiceClient(conn).AppendUpload(t.Context())
	require.NoError(t, err)
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			require.ErrorIs(t, err, io.EOF, "it has ended")
		}
	}
	_, err = stream.CloseAndRecv()
	return err
}

// A stream is judged as a call is: who may begin it, and the rules of each of its messages.
func TestStreams(t *testing.T) {
	t.Parallel()
	relay, service := serveContent(t)
	service.append = func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
		p, _ := authn.FromContext(stream.Context())
		for {
			request, err := stream.Recv()
			switch {
			case errors.Is(err, io.EOF):
				return stream.SendAndClose(&contentv1.AppendUploadResponse{Upload: &contentv1.Upload{Id: p.ID}})
			case err != nil:
				return err
			case string(request.GetData()) == "panic":
				panic("in a stream") //nolint:forbidigo // what is tested
			}
		}
	}
	service.read = func(stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
		return errors.Join(stream.Send(&contentv1.ReadContentResponse{Data: []byte(authn.CallingUnit(stream.Context()))}),
			fault.New(fault.Corrupt, "content", contentv1.Reason_REASON_CONTENT_DAMAGED, "changed at rest"))
	}
	first, sender := &contentv1.AppendUploadRequest{Id: uploadID}, relay.As(t, authntest.Sender("s"), "content")
	require.NoError(t, uploading(t, sender, first, &contentv1.AppendUploadRequest{Data: []byte("abc")}))
	err := uploading(t, sender, first, &contentv1.AppendUploadRequest{Offset: -1, Data: make([]byte, 300<<10)})
	require.Equal(t, fault.Invalid, fault.KindOf(err))
	require.Len(t, fault.As(err).Violations, 2, "of the second message")
	require.Equal(t, fault.Internal, fault.KindOf(uploading(t, sender, first, &contentv1.AppendUploadRequest{Data: []byte("panic")})))
	require.NoError(t, uploading(t, sender, first), "the unit goes on")
	require.Equal(t, "KIND_NOT_PERMITTED", fault.ReasonOf(uploading(t, relay.As(t, authntest.Admin(), "content"), first)))
	require.Equal(t, "UNIT_NOT_PERMITTED", fault.ReasonOf(uploading(t, relay.From(t, "viewing", "content"), first)))
	require.Equal(t, "TOKEN_MISSING", fault.ReasonOf(uploading(t, relay.From(t, "gateway", "content"), first)))

	reading, err := contentv1.NewContentServiceClient(relay.From(t, "viewing", "content")).ReadContent(t.Context(), &contentv1.ReadContentRequest{Id: uploadID})
	require.NoError(t, err)
	piece, err := reading.Recv()
	require.NoError(t, err)
	require.Equal(t, "viewing", string(piece.GetData()))
	_, err = reading.Recv()
	require.Equal(t, []string{"CONTENT_DAMAGED", "content"}, []string{fault.ReasonOf(err), fault.As(err).Domain})
}

// A stream ends when nothing moves in it, whichever side is waited for, and not before.
func TestStreamsThatStandStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		relay, service := serveContent(t)
		service.append = func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
			for {
				if _, err := stream.Recv(); errors.Is(err, io.EOF) {
					return stream.SendAndClose(&contentv1.AppendUploadResponse{})
				} else if err != nil {
					return err
				}
			}
		}
		service.read = func(stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
			for {
				if err := stream.Send(&contentv1.ReadContentResponse{Data: make([]byte, 256<<10)}); err != nil {
					return err
				}
			}
		}
		stream, err := contentv1.NewUploadServiceClient(relay.As(t, authntest.Sender("s"), "content")).AppendUpload(t.Context())
		require.NoError(t, err)
		for range 3 {
			require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Id: uploadID}))
			time.Sleep(rpc.MaxStill - time.Second) //nolint:forbidigo // the bubble's time
		}
		require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Id: uploadID}))
		began := time.Now() //nolint:forbidigo // the bubble's time
		require.Equal(t, codes.DeadlineExceeded, status.Code(fault.ToStatus(stream.RecvMsg(&contentv1.AppendUploadResponse{})).Err()), "nothing comes")
		require.Equal(t, rpc.MaxStill, time.Since(began))

		reading, err := contentv1.NewContentServiceClient(relay.From(t, "viewing", "content")).ReadContent(t.Context(), &contentv1.ReadContentRequest{Id: uploadID})
		require.NoError(t, err)
		time.Sleep(rpc.MaxStill + time.Second) //nolint:forbidigo // the bubble's time
		for err == nil {
			_, err = reading.Recv()
		}
		require.Equal(t, codes.DeadlineExceeded, status.Code(fault.ToStatus(err).Err()), "nothing is taken")
	})
}

// The pace of a stream says why it ended.
func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, pace := rpc.NewPace(t.Context(), time.Second, time.Minute)
		defer pace.Stop()
		time.Sleep(900 * time.Millisecond) //nolint:forbidigo // the bubble's time
		pace.Moved()
		time.Sleep(900 * time.Millisecond) //nolint:forbidigo // the bubble's time
		pace.Rest()
		time.Sleep(10 * time.Second) //nolint:forbidigo // the bubble's time
		require.NoError(t, ctx.Err())
		pace.Moved()
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), context.DeadlineExceeded)
		require.Equal(t, codes.DeadlineExceeded, status.Code(fault.ToStatus(context.Cause(ctx)).Err()))

		whole, long := rpc.NewPace(t.Context(), time.Hour, time.Minute)
		defer long.Stop()
		<-whole.Done()
		require.ErrorIs(t, context.Cause(whole), context.DeadlineExceeded)
	})
}

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/fault"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// hasty has streams end soon that stand still.
func hasty(c *Config) { c.Streams.Still = config.Duration(300 * time.Millisecond) }

// An upload that is cut off, or that comes too slowly, ends for the unit as a whole one does: what arrived is kept.
func TestUploadsThatAreCutOff(t *testing.T) {
	t.Parallel()
	w := setup(t, hasty)
	came, token := w.files.take(nil), w.sender(t)
	const sent = pieceBytes + 1000
	conn, _ := w.begun(t, token, 1<<20, strings.Repeat("x", sent))
	require.NoError(t, conn.Close())
	got := <-came
	require.ErrorIs(t, got.err, io.EOF)
	require.EqualValues(t, sent, got.bytes, "by REST, gone")

	_, answer := w.begun(t, token, 1<<20, strings.Repeat("x", sent))
	code := answered(t, answer)
	require.Equal(t, http.StatusRequestTimeout, code)
	got = <-came
	require.ErrorIs(t, got.err, io.EOF)
	require.EqualValues(t, sent, got.bytes, "by REST, late")

	uploading := func(ctx context.Context) grpc.ClientStreamingClient[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse] {
		stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(ctx)
		require.NoError(t, err)
		require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Id: uploadID, Data: make([]byte, 1000)}))
		return stream
	}
	late := uploading(bearing(t, token))
	require.Equal(t, codes.DeadlineExceeded, status.Code(late.RecvMsg(&contentv1.AppendUploadResponse{})))
	got = <-came
	require.ErrorIs(t, got.err, io.EOF)
	require.EqualValues(t, 1000, got.bytes, "by gRPC, late")

	large := uploading(bearing(t, token))
	require.NoError(t, large.Send(&contentv1.AppendUploadRequest{Data: make([]byte, mebibyte)}))
	_, err := large.CloseAndRecv()
	require.Equal(t, []string{"BODY_TOO_LARGE", "gateway"}, []string{faultOf(err).Reason, faultOf(err).Domain})
	require.EqualValues(t, 1000, (<-came).bytes, "by gRPC, a message above the bound")

	reached := make(chan int64, 1)
	came = w.files.take(func(bytes int64) { reached <- bytes })
	ctx, gone := context.WithCancel(bearing(t, token))
	uploading(ctx)
	require.EqualValues(t, 1000, <-reached)
	gone()
	got = <-came
	require.ErrorIs(t, got.err, io.EOF, "by gRPC, gone")
}

// What a unit answers to an upload reaches the caller at once, also while bytes are missing; so does its silence, after a time.
func TestUploadsThatTheUnitEnds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.sender(t)
	w.files.mu.Lock()
	w.files.append = func(grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
		return fault.New(fault.Conflict, "content", contentv1.Reason_REASON_OFFSET_DIFFERS, "the upload stands elsewhere", fault.WithMetadata("offset", "7"))
	}
	w.files.mu.Unlock()
	_, answer := w.begun(t, token, 1<<20, "x")
	code := answered(t, answer)
	require.Equal(t, http.StatusConflict, code)
	stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(bearing(t, token))
	require.NoError(t, err)
	f := faultOf(stream.RecvMsg(&contentv1.AppendUploadResponse{}))
	require.Equal(t, []string{"OFFSET_DIFFERS", "content", "7"}, []string{f.Reason, f.Domain, f.Metadata["offset"]})

	still := setup(t, hasty)
	still.files.mu.Lock()
	still.files.append = func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	still.files.mu.Unlock()
	got := still.call(t, "PATCH", uploads, still.sender(t), "abc", "Upload-Offset", "0", "Content-Type", "application/octet-stream")
	require.Equal(t, http.StatusGatewayTimeout, got.status, "%s", got.body)
}

// A download that fails before its first piece is a problem; after it the caller sees that the file is not whole.
func TestDownloadsThatBreak(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token, content := w.reader(t), strings.Repeat("x", 5*pieceBytes)
	damaged := fault.New(fault.Conflict, "viewing", viewingv1.Reason_REASON_CONTENT_DIFFERS, "the content is another")
	failing := func(at int) {
		w.files.give(content, func(_ context.Context, piece int) error { return errorAt(piece, at, damaged) })
	}

	failing(0)
	got := w.call(t, "GET", parts, token, "")
	require.Equal(t, []any{409, "CONTENT_DIFFERS"}, []any{got.status, got.json(t)["reason"]})
	require.Empty(t, got.header.Get("Content-Disposition"))
	failing(2)
	response := w.begunDownload(t, token)
	_, err := io.Copy(io.Discard, response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, response.Body.Close())

	stream, err := viewingv1.NewHostedViewingServiceClient(w.dial(t)).ReadPart(bearing(t, token), &viewingv1.ReadPartRequest{Viewing: viewingID})
	require.NoError(t, err)
	for range 2 {
		_, err = stream.Recv()
		require.NoError(t, err)
	}
	_, err = stream.Recv()
	require.Equal(t, []string{"CONTENT_DIFFERS", "viewing"}, []string{faultOf(err).Reason, faultOf(err).Domain})
}

func errorAt(piece, at int, err error) error {
	if piece == at {
		return err
	}
	return nil
}

// The unit's call ends when its caller has gone, and when the caller takes nothing any more.
func TestDownloadsThatNobodyTakes(t *testing.T) {
	t.Parallel()
	w := setup(t, hasty)
	token := w.reader(t)
	ended := make(chan error, 1)
	w.files.give(strings.Repeat("x", 64*mebibyte), func(ctx context.Context, piece int) error {
		if piece < 255 {
			return nil
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	w.files.mu.Lock()
	give := w.files.read
	w.files.read = func(request *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error {
		err := give(request, stream)
		select {
		case ended <- err:
		default:
		}
		return err
	}
	w.files.mu.Unlock()
	ctx, gone := context.WithCancel(bearing(t, token))
	stream, err := viewingv1.NewHostedViewingServiceClient(w.dial(t)).ReadPart(ctx, &viewingv1.ReadPartRequest{Viewing: viewingID})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	gone()
	require.Error(t, <-ended, "by gRPC, gone")

	response := w.begunDownload(t, token)
	require.Error(t, <-ended, "by REST, not taken")
	require.NoError(t, response.Body.Close())
}

// Streams have places of their own, in all and by address, and leave calls theirs.
func TestPlacesOfStreams(t *testing.T) {
	t.Parallel()
	w := setup(t, func(c *Config) { c.Streams.AtOnce, c.Streams.AtOncePerAddress = 1, 1 })
	reached := make(chan int64, 2)
	came, token := w.files.take(func(bytes int64) { reached <- bytes }), w.sender(t)
	stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(bearing(t, token))
	require.NoError(t, err)
	require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Id: uploadID, Data: make([]byte, 9)}))
	require.EqualValues(t, 9, <-reached)
	full := w.call(t, "PATCH", uploads, token, "abc", "Upload-Offset", "0", "Content-Type", "application/octet-stream")
	require.Equal(t, []any{503, "OVERLOADED", "30"}, []any{full.status, full.json(t)["reason"], full.header.Get("Retry-After")})
	require.Equal(t, 200, w.call(t, "POST", "/v1/documents", token, `{}`).status)
	_, err = stream.CloseAndRecv()
	require.NoError(t, err)
	<-came
}

// pattern is a body of n bytes that nobody holds.
type pattern struct{ left int }

// Read gives the next bytes.
func (p *pattern) Read(to []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := min(len(to), p.left)
	p.left -= n
	return n, nil
}

// However large a file is, the doors hold little of it, also where the unit is slower than the caller.
func TestFilesAreNotHeld(t *testing.T) {
	const size, room = 64 * mebibyte, 16 * mebibyte
	w := setup(t)
	token := w.sender(t)
	live := func() uint64 {
		runtime.GC()
		runtime.GC() // what pools keep outlives the first
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		return memory.HeapAlloc
	}
	// The first calls make the connections.
	first := w.files.take(nil)
	require.Equal(t, 200, w.call(t, "PATCH", uploads, token, "x", "Upload-Offset", "0", "Content-Type", "application/octet-stream").status)
	<-first
	before := live()
	var highest, next atomic.Uint64
	came := w.files.take(func(bytes int64) {
		if uint64(bytes) >= next.Load() {
			next.Add(4 * mebibyte)
			highest.Store(max(highest.Load(), live()))
		}
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, w.rest+uploads, &pattern{left: size})
	require.NoError(t, err)
	request.ContentLength = size
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Upload-Offset": "0", "Content-Type": "application/octet-stream"} {
		request.Header.Set(name, value)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, 200, response.StatusCode)
	require.EqualValues(t, size, (<-came).bytes)
	require.Less(t, highest.Load(), before+room, "by REST: %d KiB more", (int64(highest.Load())-int64(before))>>10)

	highest.Store(0)
	next.Store(0)
	stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(bearing(t, token))
	require.NoError(t, err)
	message := &contentv1.AppendUploadRequest{Id: uploadID, Data: make([]byte, pieceBytes)}
	for range size / pieceBytes {
		require.NoError(t, stream.Send(message))
		message.Id = ""
	}
	_, err = stream.CloseAndRecv()
	require.NoError(t, err)
	require.EqualValues(t, size, (<-came).bytes)
	require.Less(t, highest.Load(), before+room, "by gRPC: %d KiB more", (int64(highest.Load())-int64(before))>>10)

	highest.Store(0)
	w.files.give(strings.Repeat("x", size), func(_ context.Context, piece int) error {
		if piece%16 == 0 {
			highest.Store(max(highest.Load(), live()))
		}
		return nil
	})
	got := w.begunDownload(t, w.reader(t))
	n, err := io.Copy(io.Discard, got.Body)
	require.NoError(t, errors.Join(err, got.Body.Close()))
	require.EqualValues(t, size, n)
	require.Less(t, highest.Load(), before+size+room, "the file is the test's own")
}

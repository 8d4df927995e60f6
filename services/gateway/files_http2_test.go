package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// http2 is a call to the REST door over HTTP/2, as browsers do it.
func (w *world) http2(t *testing.T, ctx context.Context, method, path, token string, body io.Reader) func() (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, w.rest+path, body)
	require.NoError(t, err)
	for name, value := range map[string]string{"Authorization": "Bearer " + token, "Upload-Offset": "0", "Content-Type": "application/octet-stream"} {
		request.Header.Set(name, value)
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	return func() (*http.Response, error) { return (&http.Client{Transport: transport}).Do(request) }
}

// Over HTTP/2 files stream as over HTTP/1: whole, cut off, refused early, and broken.
func TestFilesOverHTTP2(t *testing.T) {
	t.Parallel()
	w := setup(t)
	sender, reader := w.sender(t), w.reader(t)
	came := w.files.take(nil)
	answer, err := w.http2(t, t.Context(), http.MethodPatch, uploads, sender, &pattern{left: 3 * mebibyte})()
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, []int{200, 2}, []int{answer.StatusCode, answer.ProtoMajor})
	require.EqualValues(t, 3*mebibyte, (<-came).bytes)

	reached := make(chan int64, 10)
	came = w.files.take(func(bytes int64) { reached <- bytes })
	ctx, gone := context.WithCancel(t.Context())
	body, bytes := io.Pipe()
	failed := make(chan error, 1)
	upload := w.http2(t, ctx, http.MethodPatch, uploads, sender, body)
	go func() {
		answer, err := upload()
		if err == nil {
			_ = answer.Body.Close()
		}
		failed <- err
	}()
	_, err = bytes.Write(make([]byte, pieceBytes+1))
	require.NoError(t, err)
	require.Zero(t, <-reached, "the request, before any byte")
	require.EqualValues(t, pieceBytes, <-reached)
	gone()
	require.ErrorIs(t, <-failed, context.Canceled)
	got := <-came
	require.ErrorIs(t, got.err, io.EOF)
	require.GreaterOrEqual(t, got.bytes, int64(pieceBytes))
	require.NoError(t, bytes.Close())

	w.files.mu.Lock()
	w.files.append = func(grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
		return fault.New(fault.NotFound, "content", contentv1.Reason_REASON_UPLOAD_NOT_FOUND, "there is no such upload")
	}
	w.files.mu.Unlock()
	never, hold := io.Pipe()
	answer, err = w.http2(t, t.Context(), http.MethodPatch, uploads, sender, never)()
	require.NoError(t, err)
	require.Equal(t, 404, answer.StatusCode)
	require.NoError(t, errors.Join(answer.Body.Close(), hold.Close()))

	content := strings.Repeat("x", 5*pieceBytes)
	w.files.give(content, nil)
	answer, err = w.http2(t, t.Context(), http.MethodGet, parts, reader, http.NoBody)()
	require.NoError(t, err)
	whole, err := io.ReadAll(answer.Body)
	require.NoError(t, errors.Join(err, answer.Body.Close()))
	require.Len(t, whole, len(content))
	w.files.give(content, func(_ context.Context, piece int) error {
		return errorAt(piece, 2, fault.New(fault.Conflict, "viewing", viewingv1.Reason_REASON_CONTENT_DIFFERS, ""))
	})
	answer, err = w.http2(t, t.Context(), http.MethodGet, parts, reader, http.NoBody)()
	require.NoError(t, err)
	_, err = io.ReadAll(answer.Body)
	require.Error(t, err, "it is not whole")
	require.NoError(t, answer.Body.Close())
}

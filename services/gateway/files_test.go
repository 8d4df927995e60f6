package gateway

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	openapi "github.com/naru-relay/naru/proto"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// uploadID and viewingID are those of all tests: their units do not look.
const (
	uploadID  = "0196f0a2-0000-7000-8000-000000000001"
	viewingID = "0196f0a2-0000-7000-8000-000000000002"
	uploads   = "/v1/uploads/" + uploadID
	parts     = "/v1/viewings/" + viewingID + "/parts/0"
)

// files plays the units that take and give files. The test says what they do.
type files struct {
	contentv1.UnimplementedUploadServiceServer
	viewingv1.UnimplementedHostedViewingServiceServer

	mu     sync.Mutex
	append func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error
	read   func(request *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error
}

func (f *files) AppendUpload(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
	f.mu.Lock()
	do := f.append
	f.mu.Unlock()
	return do(stream)
}

func (f *files) ReadPart(request *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error {
	f.mu.Lock()
	do := f.read
	f.mu.Unlock()
	return do(request, stream)
}

// received is what a unit got of an upload, and how that ended.
type received struct {
	id       string
	offset   int64
	messages int
	largest  int
	bytes    int64
	sum      [32]byte
	err      error
}

// take makes uploads be taken as the content unit does, and tells what came of each. each is called after each message.
func (f *files) take(each func(bytes int64)) <-chan received {
	came := make(chan received, 10)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.append = func(stream grpc.ClientStreamingServer[contentv1.AppendUploadRequest, contentv1.AppendUploadResponse]) error {
		got, hash := received{}, sha256.New()
		for {
			request, err := stream.Recv()
			if err != nil {
				got.err = err
				break
			}
			if got.messages++; got.messages == 1 {
				got.id, got.offset = request.GetId(), request.GetOffset()
			}
			got.largest = max(got.largest, len(request.GetData()))
			got.bytes += int64(len(request.GetData()))
			_, _ = hash.Write(request.GetData())
			if each != nil {
				each(got.bytes)
			}
		}
		copy(got.sum[:], hash.Sum(nil))
		came <- got
		if !errors.Is(got.err, io.EOF) {
			return got.err
		}
		return stream.SendAndClose(&contentv1.AppendUploadResponse{Upload: &contentv1.Upload{Id: got.id, Offset: got.offset + got.bytes}})
	}
	return came
}

// give makes a file be given as the viewing unit does. each is called before each piece, and may end the stream.
func (f *files) give(content string, each func(ctx context.Context, piece int) error) {
	sum := sha256.Sum256([]byte(content))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read = func(request *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error {
		at := min(request.GetOffset(), int64(len(content)))
		chunk := &platformv1.ContentChunk{Header: &platformv1.ContentHeader{
			FileName: "고지서 \"1\".pdf", MediaType: "application/pdf", Size: int64(len(content)), Offset: request.GetOffset(),
			Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(sum[:])},
		}}
		for rest, i := content[at:], 0; ; i++ {
			if each != nil {
				if err := each(stream.Context(), i); err != nil {
					return err
				}
			}
			n := min(len(rest), pieceBytes)
			chunk.Data, rest = []byte(rest[:n]), rest[n:]
			if err := stream.Send(&viewingv1.ReadPartResponse{Chunk: chunk}); err != nil {
				return err
			}
			if rest == "" {
				return nil
			}
			chunk = &platformv1.ContentChunk{}
		}
	}
}

// reader is a token of a recipient.
func (w *world) reader(t *testing.T) string {
	t.Helper()
	organisation, person := unittest.NewID(), unittest.NewID()
	w.units.authorise(organisation, person, everything()...)
	return w.ActingToken(t, organisation, person)
}

// begun opens a connection and sends the beginning of an upload.
func (w *world) begun(t *testing.T, token string, announced int, sent string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.rest, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer %s\r\nUpload-Offset: 0\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n%s",
		uploads, token, announced, sent)
	require.NoError(t, err)
	return conn, bufio.NewReader(conn)
}

// begunDownload asks for a file, and reads nothing of it yet.
func (w *world) begunDownload(t *testing.T, token string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.rest+parts, http.NoBody)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	require.NoError(t, err)
	return response
}

func faultOf(err error) *fault.Error { return fault.As(fault.FromStatus(status.Convert(err))) }

// An upload is the body of a PATCH: the unit gets its place, and the bytes in pieces; the answer is the upload.
func TestUpload(t *testing.T) {
	t.Parallel()
	w := setup(t)
	came, token := w.files.take(nil), w.sender(t)
	content := strings.Repeat("0123456789abcdef", 50_000)
	got := w.call(t, "PATCH", uploads, token, content, "Upload-Offset", "1048576", "Content-Type", "application/octet-stream")
	require.Equal(t, 200, got.status, "%s", got.body)
	require.Equal(t, uploadID, got.json(t)["id"])
	require.EqualValues(t, "1848576", got.json(t)["offset"])
	require.Equal(t, "399", got.header.Get("Ratelimit-Remaining"))
	require.Equal(t, "no-store", got.header.Get("Cache-Control"))
	unit := <-came
	require.Equal(t, []any{uploadID, int64(1048576), int64(800_000), pieceBytes}, []any{unit.id, unit.offset, unit.bytes, unit.largest})
	require.Equal(t, sha256.Sum256([]byte(content)), unit.sum)

	got = w.call(t, "PATCH", uploads, token, "", "Upload-Offset", "7", "Content-Type", "application/octet-stream")
	require.Equal(t, 200, got.status, "an empty body: %s", got.body)
	require.EqualValues(t, 7, (<-came).offset)

	stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(bearing(t, token))
	require.NoError(t, err)
	require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Id: uploadID, Offset: 5, Data: []byte("abc")}))
	require.NoError(t, stream.Send(&contentv1.AppendUploadRequest{Data: []byte("def")}))
	answered, err := stream.CloseAndRecv()
	require.NoError(t, err)
	require.EqualValues(t, 11, answered.GetUpload().GetOffset())
	require.Equal(t, sha256.Sum256([]byte("abcdef")), (<-came).sum)
}

// What cannot be an upload is refused before the unit hears of it, and before the body is read.
func TestUploadsThatAreNone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	token := w.sender(t)
	file := []string{"Content-Type", "application/octet-stream"}
	for name, tt := range map[string]struct {
		method, path, reason, field string
		status                      int
		headers                     []string
	}{
		"without an offset":        {"PATCH", uploads, "INVALID_REQUEST", "Upload-Offset", 400, file},
		"an offset that is none":   {"PATCH", uploads, "INVALID_REQUEST", "Upload-Offset", 400, append(file, "Upload-Offset", "0x1")},
		"an offset below zero":     {"PATCH", uploads, "INVALID_REQUEST", "Upload-Offset", 400, append(file, "Upload-Offset", "-1")},
		"an unknown parameter":     {"PATCH", uploads + "?x=1", "INVALID_REQUEST", "x", 400, append(file, "Upload-Offset", "0")},
		"the offset as parameter":  {"PATCH", uploads + "?offset=1", "INVALID_REQUEST", "offset", 400, append(file, "Upload-Offset", "0")},
		"another type":             {"PATCH", uploads, "UNSUPPORTED_MEDIA_TYPE", "", 415, []string{"Upload-Offset", "0"}},
		"an encoded body":          {"PATCH", uploads, "UNSUPPORTED_MEDIA_TYPE", "", 415, append(file, "Upload-Offset", "0", "Content-Encoding", "gzip")},
		"a method that is unknown": {"POST", uploads, "NO_SUCH_ROUTE", "", 405, file},
	} {
		got := w.call(t, tt.method, tt.path, token, "{}", tt.headers...)
		require.Equal(t, tt.status, got.status, "%s: %s", name, got.body)
		require.Equal(t, tt.reason, got.json(t)["reason"], name)
		if tt.field != "" {
			require.Equal(t, tt.field, got.json(t)["violations"].([]any)[0].(map[string]any)["field"], name)
		}
		if tt.status == 405 {
			require.Equal(t, "DELETE, GET, PATCH", got.header.Get("Allow"))
		}
	}
	for _, announced := range []int{1, 1 << 20} {
		_, answer := w.begun(t, "x.y.z", announced, "")
		code := answered(t, answer)
		require.Equal(t, 401, code, "nothing of the body was sent")
	}
	stream, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(t.Context())
	require.NoError(t, err)
	require.Equal(t, "TOKEN_MISSING", faultOf(stream.RecvMsg(&contentv1.AppendUploadResponse{})).Reason)
	admin, err := contentv1.NewUploadServiceClient(w.dial(t)).AppendUpload(bearing(t, w.token(t, w.admin)))
	require.NoError(t, err)
	require.Equal(t, "KIND_NOT_PERMITTED", faultOf(admin.RecvMsg(&contentv1.AppendUploadResponse{})).Reason)
}

// A download is the file itself, with what its first message says of it, or the rest of it from a byte.
func TestDownload(t *testing.T) {
	t.Parallel()
	w := setup(t)
	content := strings.Repeat("fedcba9876543210", 40_000)
	w.files.give(content, nil)
	token, sum := w.reader(t), sha256.Sum256([]byte(content))
	got := w.call(t, "GET", parts, token, "")
	require.Equal(t, 200, got.status)
	require.Equal(t, content, got.body)
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Length": "640000", "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Disposition":     `inline; filename="___ _1_.pdf"; filename*=UTF-8''%EA%B3%A0%EC%A7%80%EC%84%9C%20%221%22.pdf`,
		"Content-Security-Policy": "sandbox; default-src 'none'", "Repr-Digest": "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":", "Content-Range": "",
	} {
		require.Equal(t, want, got.header.Get(name), name)
	}
	require.NotEmpty(t, got.header.Get("Ratelimit-Remaining"))
	require.Contains(t, w.call(t, "GET", parts+"?download=true", token, "").header.Get("Content-Disposition"), "attachment; ")

	rest := w.call(t, "GET", parts, token, "", "Range", "bytes=600000-")
	require.Equal(t, 206, rest.status)
	require.Equal(t, "bytes 600000-639999/640000", rest.header.Get("Content-Range"))
	require.Equal(t, "40000", rest.header.Get("Content-Length"))
	require.Equal(t, content[600_000:], rest.body)
	beyond := w.call(t, "GET", parts, token, "", "Range", "bytes=640000-")
	require.Equal(t, 416, beyond.status, "%s", beyond.body)
	require.Equal(t, "bytes */640000", beyond.header.Get("Content-Range"))
	require.Equal(t, "application/problem+json", beyond.header.Get("Content-Type"))
	for _, ignored := range []string{"bytes=0-1", "bytes=-5", "bytes=1-,5-", "pages=1-"} {
		require.Equal(t, 200, w.call(t, "GET", parts, token, "", "Range", ignored).status, ignored)
	}
	require.Equal(t, 200, w.call(t, "GET", parts, token, "", "Range", "bytes=5-", "If-Range", `"x"`).status)

	for path, field := range map[string]string{parts + "?offset=1": "offset", parts + "?x=1": "x", "/v1/viewings/" + viewingID + "/parts/x": "part", parts + "?download=1": "download"} {
		got := w.call(t, "GET", path, token, "")
		require.Equal(t, 400, got.status, path)
		require.Equal(t, field, got.json(t)["violations"].([]any)[0].(map[string]any)["field"], path)
	}
	broken := w.call(t, "GET", "/v1/viewings/x/parts/11", token, "")
	require.Equal(t, 400, broken.status, "the rules of the message: %s", broken.body)
	require.Len(t, broken.json(t)["violations"], 2)
	head := w.call(t, "HEAD", parts, token, "")
	require.Equal(t, []any{405, "GET"}, []any{head.status, head.header.Get("Allow")}, "it would begin the reading")
	foreign := w.call(t, "GET", parts, w.sender(t), "")
	require.Equal(t, []any{403, "KIND_NOT_PERMITTED"}, []any{foreign.status, foreign.json(t)["reason"]})

	stream, err := viewingv1.NewHostedViewingServiceClient(w.dial(t)).ReadPart(bearing(t, token), &viewingv1.ReadPartRequest{Viewing: viewingID, Offset: 10})
	require.NoError(t, err)
	var read strings.Builder
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		read.Write(piece.GetChunk().GetData())
	}
	require.Equal(t, content[10:], read.String())
}

// Routes of files stand in the description beside the others.
func TestFilesInOpenAPI(t *testing.T) {
	t.Parallel()
	offers, err := newCatalogue(behind()...)
	require.NoError(t, err)
	text, err := describe(openapi.OpenAPI(), offers)
	require.NoError(t, err)
	for _, want := range []string{
		`"Upload-Offset"`, `"operationId":"UploadService_AppendUpload"`, `"operationId":"HostedViewingService_ReadPart"`, `"application/octet-stream"`, `"Content-Range"`,
		`{"format":"int32","in":"path","name":"part","required":true,"type":"integer"}`, `{"in":"query","name":"download","type":"boolean"}`,
		`"schema":{"$ref":"#/definitions/v1Upload"}`,
	} {
		require.Contains(t, string(text), want)
	}
}

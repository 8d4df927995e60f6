package content_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	"github.com/naru-relay/naru/services/content"
)

const (
	pdfType = "application/pdf"
	name    = "계약서.pdf"
)

// intake tells up to when every acceptance is published.
type intake struct {
	intakev1.UnimplementedIntakeLookupServiceServer
	mu    sync.Mutex
	until time.Time
}

func (i *intake) GetHorizon(context.Context, *intakev1.GetHorizonRequest) (*intakev1.GetHorizonResponse, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.until.IsZero() {
		return nil, fault.New(fault.Unavailable, "intake", nil, "")
	}
	return &intakev1.GetHorizonResponse{Until: timestamppb.New(i.until)}, nil
}

// tell moves the horizon.
func (i *intake) tell(until time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.until = until
}

// office is a running unit with a bucket in a folder.
type office struct {
	*unittest.Bench
	intake *intake
	folder string
	owner  string
}

func newOffice(t *testing.T, change ...func(c *content.Config)) *office {
	t.Helper()
	return officeAt(t, filepath.Join(t.TempDir(), "bucket"), change...)
}

func officeAt(t *testing.T, folder string, change ...func(c *content.Config)) *office {
	t.Helper()
	o := &office{intake: &intake{}, folder: folder, owner: unittest.NewID()}
	o.Bench = unittest.New(t, content.Unit,
		unittest.Neighbour("intake", func(r grpc.ServiceRegistrar) { intakev1.RegisterIntakeLookupServiceServer(r, o.intake) }),
		unittest.Config(func(c *content.Config) {
			c.Bucket = "file://" + folder
			c.SweepInterval = shortly
			for _, f := range change {
				f(c)
			}
		}))
	return o
}

const shortly = 20_000_000 // 20 ms

func (o *office) as(t *testing.T, principal string) contentv1.UploadServiceClient {
	t.Helper()
	return contentv1.NewUploadServiceClient(o.Sender(t, principal))
}

func (o *office) uploads(t *testing.T) contentv1.UploadServiceClient { return o.as(t, o.owner) }

func (o *office) unit(t *testing.T) contentv1.ContentServiceClient {
	t.Helper()
	return contentv1.NewContentServiceClient(o.Unit(t, "viewing"))
}

// pdfOf is a PDF of about so many bytes, without anything that is refused.
func pdfOf(bytes int) []byte {
	return fmt.Appendf(nil, "%%PDF-1.7\n1 0 obj\n<< /Length %d >>\nstream\n%s\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n", bytes, strings.Repeat("0 g ", bytes/4)+strings.Repeat("\n", bytes%4))
}

func describe(file []byte) *contentv1.CreateUploadRequest {
	sum := sha256.Sum256(file)
	return &contentv1.CreateUploadRequest{
		FileName: name, MediaType: pdfType, Size: int64(len(file)), Hash: &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(sum[:])},
	}
}

func (o *office) create(t *testing.T, file []byte) string {
	t.Helper()
	resp, err := o.uploads(t).CreateUpload(t.Context(), describe(file))
	require.NoError(t, err)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_RECEIVING, resp.GetUpload().GetState())
	require.Equal(t, name, resp.GetUpload().GetFileName())
	return resp.GetUpload().GetId()
}

// message is as large as one may be.
const message = 256 << 10

// send streams bytes of a file without ending the stream.
func send(stream contentv1.UploadService_AppendUploadClient, uploadID string, offset int64, bytes []byte) error {
	for first := true; first || len(bytes) > 0; first = false {
		n := min(len(bytes), message)
		m := &contentv1.AppendUploadRequest{Data: bytes[:n]}
		if first {
			m.Id, m.Offset = uploadID, offset
		}
		err := stream.Send(m)
		if errors.Is(err, io.EOF) {
			break // the stream has its answer already
		}
		if err != nil {
			return err
		}
		bytes = bytes[n:]
	}
	return nil
}

// appendTo appends bytes in one stream.
func appendTo(ctx context.Context, client contentv1.UploadServiceClient, uploadID string, offset int64, bytes []byte) (*contentv1.Upload, error) {
	stream, err := client.AppendUpload(ctx)
	if err != nil {
		return nil, err
	}
	if err := send(stream, uploadID, offset, bytes); err != nil {
		return nil, err
	}
	resp, err := stream.CloseAndRecv()
	return resp.GetUpload(), err
}

// upload uploads a file whole.
func (o *office) upload(t *testing.T, file []byte) *contentv1.Upload {
	t.Helper()
	u, err := appendTo(t.Context(), o.uploads(t), o.create(t, file), 0, file)
	require.NoError(t, err)
	return u
}

func (o *office) ready(t *testing.T, file []byte) string {
	t.Helper()
	u := o.upload(t, file)
	require.Equal(t, contentv1.UploadState_UPLOAD_STATE_READY, u.GetState(), "%v", u.GetFindings())
	return u.GetId()
}

func (o *office) get(t *testing.T, uploadID string) *contentv1.Upload {
	t.Helper()
	resp, err := o.uploads(t).GetUpload(t.Context(), &contentv1.GetUploadRequest{Id: uploadID})
	require.NoError(t, err)
	return resp.GetUpload()
}

func (o *office) awaitState(t *testing.T, uploadID string, state contentv1.UploadState) {
	t.Helper()
	require.Eventually(t, func() bool { return o.get(t, uploadID).GetState() == state }, unittest.Patience, shortly)
}

// awaitEmpty waits until no object is left.
func (o *office) awaitEmpty(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool { return len(o.objects(t)) == 0 }, unittest.Patience, shortly)
}

// objects are the files of the bucket, without its marker.
func (o *office) objects(t *testing.T) []string {
	t.Helper()
	var found []string
	require.NoError(t, filepath.WalkDir(o.folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Dir(path) != o.folder {
			found = append(found, path)
		}
		return nil
	}))
	return found
}

// read reads a file as another unit.
func (o *office) read(t *testing.T, uploadID string, offset int64) ([]byte, error) {
	t.Helper()
	stream, err := o.unit(t).ReadContent(t.Context(), &contentv1.ReadContentRequest{Id: uploadID, Offset: offset})
	require.NoError(t, err)
	var file bytes.Buffer
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return file.Bytes(), nil
		}
		if err != nil {
			return file.Bytes(), err
		}
		file.Write(m.GetData())
	}
}

// accept delivers that a document was accepted that names uploads.
func (o *office) accept(t *testing.T, serial int64, viewingDeadline time.Time, uploads ...string) string {
	t.Helper()
	number := o.number(t, serial)
	o.deliver(t, number, &intakev1.ContentsNamed{Uploads: uploads, ViewingDeadline: timestamppb.New(viewingDeadline)})
	return number
}

// number is the same whenever it is asked for.
func (o *office) number(t *testing.T, serial int64) string {
	t.Helper()
	number, err := id.NewEdocNumber(o.Clock.Now(), "NARU000001", serial)
	require.NoError(t, err)
	return number.String()
}

func (o *office) deliver(t *testing.T, number string, message proto.Message) {
	t.Helper()
	o.Deliver(t, platformv1.Lane_LANE_EXPRESS, journal.Fact{Subject: number, Sender: o.owner, Actor: "test", OccurredAt: o.Clock.Now(), Message: message})
}

// pass lets time go by, for the unit and for intake's horizon.
func (o *office) pass(t *testing.T, d time.Duration) {
	t.Helper()
	o.Advance(t, d)
	o.intake.tell(o.Clock.Now())
}

func requireReason(t *testing.T, err error, reason contentv1.Reason) {
	t.Helper()
	require.Equal(t, fault.NameOf(reason), fault.ReasonOf(err), "%v", err)
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(raw)
}

// hashState is the state of SHA-256 after a file.
func (*office) hashState(t *testing.T, file []byte) []byte {
	t.Helper()
	sum := sha256.New()
	sum.Write(file)
	state, err := sum.(encoding.BinaryMarshaler).MarshalBinary()
	require.NoError(t, err)
	return state
}

package viewing

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/testkit/unittest"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// fakeContents keeps files in memory.
type fakeContents struct {
	contentv1.UnimplementedContentServiceServer
	mu    sync.Mutex
	files map[string][]byte
	// says is the hash a file is told to have, where it is not its own.
	says map[string]*platformv1.Digest
	// away: nothing is answered; breaks: a file ends after so many bytes.
	away   bool
	breaks int
}

func (f *fakeContents) add(body []byte) (string, *platformv1.Digest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := unittest.NewID()
	f.files[id] = body
	return id, digestOfBytes(body)
}

func digestOfBytes(body []byte) *platformv1.Digest {
	sum := sha256.Sum256(body)
	return &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(sum[:])}
}

func (f *fakeContents) set(change func(f *fakeContents)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeContents) GetContents(_ context.Context, r *contentv1.GetContentsRequest) (*contentv1.GetContentsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.away {
		return nil, fault.New(fault.Unavailable, "content", nil, "away")
	}
	answer := &contentv1.GetContentsResponse{}
	for _, id := range r.GetIds() {
		body, known := f.files[id]
		if !known {
			continue
		}
		hash := f.says[id]
		if hash == nil {
			hash = digestOfBytes(body)
		}
		answer.Contents = append(answer.Contents, &contentv1.Content{
			Id: id, State: contentv1.UploadState_UPLOAD_STATE_READY, Size: int64(len(body)), Hash: hash, MediaType: "application/pdf", FileName: "시험 고지서.pdf",
		})
	}
	return answer, nil
}

func (f *fakeContents) ReadContent(r *contentv1.ReadContentRequest, stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
	f.mu.Lock()
	body, breaks := f.files[r.GetId()][r.GetOffset():], f.breaks
	f.mu.Unlock()
	for sent := 0; len(body) > 0; {
		if breaks > 0 && sent >= breaks {
			return fault.New(fault.Corrupt, "content", contentv1.Reason_REASON_CONTENT_DAMAGED, "")
		}
		piece := body[:min(len(body), 100)]
		if err := stream.Send(&contentv1.ReadContentResponse{Data: piece}); err != nil {
			return err
		}
		body, sent = body[len(piece):], sent+len(piece)
	}
	return nil
}

// hostedBundle is a unit beside a content unit.
type hostedBundle struct {
	*bundle
	contents  *fakeContents
	recipient string
}

func hostedSetup(t *testing.T) *hostedBundle {
	t.Helper()
	contents := &fakeContents{files: map[string][]byte{}, says: map[string]*platformv1.Digest{}}
	b := setup(t, unittest.Neighbour("content", func(r grpc.ServiceRegistrar) { contentv1.RegisterContentServiceServer(r, contents) }))
	return &hostedBundle{bundle: b, contents: contents, recipient: unittest.NewID()}
}

// handedOver is a received document with one attachment that this relay shows.
func (b *hostedBundle) handedOver(t *testing.T, body []byte, change ...func(f *platformv1.DocumentFacts)) *platformv1.DocumentFacts {
	t.Helper()
	return b.receive(t, b.recipient, append([]func(f *platformv1.DocumentFacts){func(f *platformv1.DocumentFacts) {
		f.ViewingMode, f.ViewingSystem, f.ViewingUrl = platformv1.ViewingMode_VIEWING_MODE_RELAY, "", ""
		f.DocumentContent, f.DocumentHash = b.contents.add(body)
		f.RegisteredHash = f.GetDocumentHash()
		attachment, hash := b.contents.add([]byte("첨부"))
		f.AttachmentContents, f.AttachmentHashes = []string{attachment}, []*platformv1.Digest{hash}
	}}, change...)...)
}

func (b *hostedBundle) client(t *testing.T, recipient string) viewingv1.HostedViewingServiceClient {
	t.Helper()
	return viewingv1.NewHostedViewingServiceClient(b.Recipient(t, recipient))
}

// open opens a document with a new token.
func (b *hostedBundle) open(t *testing.T, f *platformv1.DocumentFacts) *viewingv1.OpenDocumentResponse {
	t.Helper()
	issued, err := b.issue(t, b.recipient, f.GetEdocNum())
	require.NoError(t, err)
	require.Empty(t, issued.GetUrl())
	opened, err := b.client(t, b.recipient).OpenDocument(t.Context(), &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: "r-1"})
	require.NoError(t, err)
	return opened
}

// file reads a part to its end.
func (b *hostedBundle) file(t *testing.T, r *viewingv1.ReadPartRequest) (*platformv1.ContentHeader, []byte, error) {
	t.Helper()
	stream, err := b.client(t, b.recipient).ReadPart(t.Context(), r)
	require.NoError(t, err)
	var header *platformv1.ContentHeader
	var body bytes.Buffer
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return header, body.Bytes(), nil
		}
		if err != nil {
			return header, body.Bytes(), err
		}
		if h := m.GetChunk().GetHeader(); h != nil {
			header = h
		}
		body.Write(m.GetChunk().GetData())
	}
}

func (b *hostedBundle) reads(t *testing.T, f *platformv1.DocumentFacts) []*viewingv1.DocumentRead {
	t.Helper()
	return about[*viewingv1.DocumentRead](t, b.bundle, f.GetEdocNum())
}

// Opening, and fetching bytes, is no reading: the first page on the screen is. What is served is what was sent, registered and
// said by the token, and the comparison is a fact that the reading names.
func TestShownByThisRelay(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	body := bytes.Repeat([]byte("페이지 "), 300)
	f := b.handedOver(t, body)
	opened := b.open(t, f)
	require.Len(t, opened.GetParts(), 2)
	require.Equal(t, int64(len(body)), opened.GetParts()[0].GetSize())
	require.Equal(t, "시험 고지서.pdf", opened.GetParts()[0].GetFileName())

	_, err := b.client(t, b.recipient).ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: opened.GetViewing()})
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_NOTHING_SHOWN)
	header, got, err := b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing()})
	require.NoError(t, err)
	require.Equal(t, body, got)
	require.Equal(t, f.GetDocumentHash().GetValue(), header.GetHash().GetValue())
	require.Empty(t, b.reads(t, f), "fetched is not read")

	b.Clock.Advance(time.Second)
	shown, err := b.client(t, b.recipient).ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: opened.GetViewing()})
	require.NoError(t, err)
	require.Equal(t, b.Clock.Now(), shown.GetReadAt().AsTime())
	read := b.reads(t, f)
	require.Len(t, read, 1)
	require.Equal(t, ownSystem, read[0].GetViewingSystem())
	require.Equal(t, opened.GetViewing(), read[0].GetVerification())

	compared, _ := private[*viewingv1.ContentCompared](t, b.bundle, f.GetEdocNum())
	require.Len(t, compared, 1)
	for _, hash := range []*platformv1.Digest{compared[0].GetServed(), compared[0].GetSent(), compared[0].GetToken(), compared[0].GetRegistered()} {
		require.Equal(t, f.GetDocumentHash().GetValue(), hash.GetValue())
	}
	require.True(t, compared[0].GetEqual())
	require.Equal(t, []string{read[0].GetLogDigest()}, b.query(t, `select comparison_digest from hosted_viewing`))
	served, _ := private[*viewingv1.ContentServed](t, b.bundle, f.GetEdocNum())
	require.Len(t, served, 1)

	// The read time never moves.
	b.Advance(t, time.Minute)
	again, err := b.client(t, b.recipient).ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: b.openAndFetch(t, f)})
	require.NoError(t, err)
	require.Equal(t, shown.GetReadAt().AsTime(), again.GetReadAt().AsTime())
	b.requireNowhere(t, "시험 고지서.pdf")
}

func (b *hostedBundle) openAndFetch(t *testing.T, f *platformv1.DocumentFacts) string {
	t.Helper()
	opened := b.open(t, f)
	_, _, err := b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing()})
	require.NoError(t, err)
	return opened.GetViewing()
}

// A file that went out in whole after the recipient asked for it is read. A part of it, an attachment, and one that broke off are
// not.
func TestDownloaded(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	body := bytes.Repeat([]byte("x"), 1000)
	f := b.handedOver(t, body)
	opened := b.open(t, f)
	_, got, err := b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Offset: 300, Download: true})
	require.NoError(t, err)
	require.Equal(t, body[300:], got)
	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Part: 1, Download: true})
	require.NoError(t, err)
	b.contents.set(func(f *fakeContents) { f.breaks = 500 })
	_, got, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Download: true})
	requireReason(t, err, fault.Unavailable, viewingv1.Reason_REASON_CONTENT_UNAVAILABLE)
	require.Less(t, len(got), len(body))
	require.Empty(t, b.reads(t, f))

	b.contents.set(func(f *fakeContents) { f.breaks = 0 })
	_, got, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Download: true})
	require.NoError(t, err)
	require.Equal(t, body, got)
	require.Len(t, b.reads(t, f), 1)

	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Part: 2})
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_PART_NOT_FOUND)
	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Offset: 1001})
	requireReason(t, err, fault.Invalid, viewingv1.Reason_REASON_INVALID_REQUEST)
}

// A viewing is its recipient's alone, lasts half an hour, and its token is used once.
func TestViewingsOfOthers(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	f := b.handedOver(t, []byte("x"))
	issued, err := b.issue(t, b.recipient, f.GetEdocNum())
	require.NoError(t, err)
	ask := &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: "r-1"}
	_, err = b.client(t, unittest.NewID()).OpenDocument(t.Context(), ask)
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	requireReason(t, err, fault.Denied, viewingv1.Reason_REASON_TOKEN_FOREIGN)

	opened, err := b.client(t, b.recipient).OpenDocument(t.Context(), ask)
	require.NoError(t, err, "an attempt by somebody else does not use the token up")
	same, err := b.client(t, b.recipient).OpenDocument(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, opened.GetViewing(), same.GetViewing())
	_, err = b.client(t, b.recipient).OpenDocument(t.Context(), &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: "r-2"})
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_TOKEN_REPLAYED)

	stranger := b.client(t, unittest.NewID())
	_, err = stranger.ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: opened.GetViewing()})
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_VIEWING_UNKNOWN)
	stream, err := stranger.ReadPart(t.Context(), &viewingv1.ReadPartRequest{Viewing: opened.GetViewing()})
	require.NoError(t, err)
	_, err = stream.Recv()
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_VIEWING_UNKNOWN)

	b.Advance(t, hostedLife)
	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing()})
	requireReason(t, err, fault.NotFound, viewingv1.Reason_REASON_VIEWING_UNKNOWN)
}

// What is kept must be what was sent and registered; otherwise nothing is shown, and that it was tried is a fact. While files
// cannot be had no token is lost.
func TestNothingElseIsShown(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	other := digestOfBytes([]byte("y"))
	registeredOther := b.handedOver(t, []byte("x"), func(f *platformv1.DocumentFacts) { f.RegisteredHash = other })
	opened := b.open(t, registeredOther)
	_, got, err := b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing()})
	requireReason(t, err, fault.Corrupt, viewingv1.Reason_REASON_CONTENT_DIFFERS)
	require.Empty(t, got)
	compared, _ := private[*viewingv1.ContentCompared](t, b.bundle, registeredOther.GetEdocNum())
	require.Len(t, compared, 1)
	require.False(t, compared[0].GetEqual())
	_, err = b.client(t, b.recipient).ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: opened.GetViewing()})
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_NOTHING_SHOWN)

	f := b.handedOver(t, []byte("x"))
	issued, err := b.issue(t, b.recipient, f.GetEdocNum())
	require.NoError(t, err)
	ask := &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: "r-1"}
	b.contents.set(func(c *fakeContents) { c.away = true })
	_, err = b.client(t, b.recipient).OpenDocument(t.Context(), ask)
	requireReason(t, err, fault.Unavailable, viewingv1.Reason_REASON_CONTENT_UNAVAILABLE)
	b.contents.set(func(c *fakeContents) { c.away, c.says[f.GetDocumentContent()] = false, other })
	_, err = b.client(t, b.recipient).OpenDocument(t.Context(), ask)
	requireReason(t, err, fault.Corrupt, viewingv1.Reason_REASON_CONTENT_DIFFERS)
	b.contents.set(func(c *fakeContents) { delete(c.says, f.GetDocumentContent()) })
	opened, err = b.client(t, b.recipient).OpenDocument(t.Context(), ask)
	require.NoError(t, err)

	// Bytes that are not what the content unit says they are are noticed, and are no reading.
	b.contents.set(func(c *fakeContents) {
		c.files[f.GetDocumentContent()], c.says[f.GetDocumentContent()] = []byte("y"), f.GetDocumentHash()
	})
	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Download: true})
	requireReason(t, err, fault.Corrupt, viewingv1.Reason_REASON_CONTENT_DIFFERS)
	require.Empty(t, b.reads(t, f))
}

// A document that the sender's viewing system shows is not shown here, and its token stays unused.
func TestViewedElsewhere(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	f := b.receive(t, b.recipient)
	issued, err := b.issue(t, b.recipient, f.GetEdocNum())
	require.NoError(t, err)
	_, err = b.client(t, b.recipient).OpenDocument(t.Context(), &viewingv1.OpenDocumentRequest{Token: issued.GetToken(), RequestId: "r-1"})
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_VIEWED_ELSEWHERE)
	_, err = b.verify(t, b.system, issued.GetToken(), "r-1")
	require.NoError(t, err)
}

// A document kind without read time is shown and has none.
func TestShownWithoutReadTime(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	f := b.handedOver(t, []byte("x"), func(f *platformv1.DocumentFacts) {
		f.DocumentType = platformv1.DocumentType_DOCUMENT_TYPE_NOTICE_WITHOUT_READ_TIME
	})
	shown, err := b.client(t, b.recipient).ConfirmShown(t.Context(), &viewingv1.ConfirmShownRequest{Viewing: b.openAndFetch(t, f)})
	require.NoError(t, err)
	require.Nil(t, shown.GetReadAt())
	require.Empty(t, b.reads(t, f))
}

// After the viewing deadline no token is given; who opened before it may still look.
func TestHostedDeadline(t *testing.T) {
	t.Parallel()
	b := hostedSetup(t)
	f := b.handedOver(t, []byte("x"), func(f *platformv1.DocumentFacts) { f.ViewingDeadline = timestamppb.New(b.Clock.Now().Add(time.Minute)) })
	opened := b.open(t, f)
	b.Advance(t, 2*time.Minute)
	_, err := b.issue(t, b.recipient, f.GetEdocNum())
	requireReason(t, err, fault.Conflict, viewingv1.Reason_REASON_VIEWING_DEADLINE_PASSED)
	_, _, err = b.file(t, &viewingv1.ReadPartRequest{Viewing: opened.GetViewing(), Download: true})
	require.NoError(t, err)
	require.Len(t, b.reads(t, f), 1)
}

package certificate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/bundle"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// source gives the documents of a bundle: from the content unit, which keeps what a bundle holds, or, when it has the document
// no more, from the archive.
type source struct {
	contents contentv1.ContentServiceClient
	deposits archivev1.DepositLookupServiceClient
	edocNum  string
	// document and attachments are uploads of the content unit that it has.
	document    string
	attachments []string
}

// sourceOf a bundle that was issued.
func (s *service) sourceOf(ctx context.Context, v bundleView) (*source, error) {
	known, err := s.known(ctx, append([]string{v.documentContent}, v.attachmentContents...))
	if err != nil {
		return nil, documentUnavailable(err)
	}
	of := &source{contents: s.contents, deposits: s.lookup.archive, edocNum: v.edocNum, attachments: v.attachmentContents}
	if known[v.documentContent] != nil {
		of.document = v.documentContent
	}
	return of, nil
}

// known asks the content unit which uploads it has.
func (s *service) known(ctx context.Context, ids []string) (map[string]*contentv1.Content, error) {
	answer, err := s.contents.GetContents(ctx, &contentv1.GetContentsRequest{Ids: ids})
	if err != nil {
		return nil, fmt.Errorf("ask content about files: %w", err)
	}
	known := map[string]*contentv1.Content{}
	for _, c := range answer.GetContents() {
		if c.GetState() == contentv1.UploadState_UPLOAD_STATE_READY {
			known[c.GetId()] = c
		}
	}
	return known, nil
}

// open opens a document by its place in the bundle.
func (s *source) open(ctx context.Context, name string) (io.ReadCloser, error) {
	if bundle.IsDocument(name) {
		if s.document == "" {
			return s.fromArchive(ctx)
		}
		return s.fromContent(ctx, s.document)
	}
	for i, upload := range s.attachments {
		if strings.HasPrefix(name, bundle.AttachmentPath(i+1, "")) {
			return s.fromContent(ctx, upload)
		}
	}
	return nil, errors.New("a bundle holds a file of which nobody knows where it is")
}

func (s *source) fromContent(ctx context.Context, upload string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.contents.ReadContent(ctx, &contentv1.ReadContentRequest{Id: upload})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return &pieces{cancel: cancel, next: func() ([]byte, error) {
		piece, err := stream.Recv()
		return piece.GetData(), err
	}}, nil
}

// fromArchive has the archive issue the document once more. Its new original certificate is not needed.
func (s *source) fromArchive(ctx context.Context) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.deposits.IssueDocument(ctx, &archivev1.IssueDocumentRequest{EdocNum: s.edocNum})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("have the document issued: %w", err)
	}
	return &pieces{cancel: cancel, next: func() ([]byte, error) { return nextPiece(stream, nil) }}, nil
}

// nextPiece reads a message of the archive unit; what it says in its last one goes into issued, if that is given.
func nextPiece(stream grpc.ServerStreamingClient[archivev1.IssueDocumentResponse], issued **archivev1.IssuedDocument) ([]byte, error) {
	piece, err := stream.Recv()
	if err == nil && piece.GetIssued() != nil && issued != nil {
		*issued = piece.GetIssued()
	}
	return piece.GetData(), err
}

// pieces reads a stream of messages.
type pieces struct {
	next   func() ([]byte, error)
	cancel context.CancelFunc
	rest   []byte
}

// Read implements io.Reader.
func (p *pieces) Read(into []byte) (int, error) {
	for len(p.rest) == 0 {
		var err error
		if p.rest, err = p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(into, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close ends the stream.
func (p *pieces) Close() error {
	p.cancel()
	return nil
}

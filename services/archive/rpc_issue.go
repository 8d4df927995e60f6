package archive

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

// issueChunk is how many bytes a message of IssueDocument holds.
const issueChunk = 256 << 10

// IssueDocument has the archive issue a document that was deposited, and passes it on while it arrives.
func (s *service) IssueDocument(r *archivev1.IssueDocumentRequest, stream grpc.ServerStreamingServer[archivev1.IssueDocumentResponse]) error {
	ctx := stream.Context()
	d, err := s.find(ctx, r.GetEdocNum())
	if err != nil {
		return err
	}
	to := &issueWriter{stream: stream}
	var of *issued
	err = s.archives.Call(ctx, s.config.Archive.Name, func(ctx context.Context) (failure error) {
		of, failure = s.centre.issue(ctx, d.archiveDocument, to)
		return failure
	})
	switch {
	case to.failed != nil:
		return to.failed
	case errors.Is(err, work.ErrBlocked):
		return archiveUnavailable(err)
	case err != nil:
		return issueFailed(err)
	}
	if err := to.flush(); err != nil {
		return err
	}
	return stream.Send(&archivev1.IssueDocumentResponse{Issued: &archivev1.IssuedDocument{
		OriginalCertificate: of.originalCertificate, Size: of.size, Hash: of.hash, MediaType: of.mediaType,
	}})
}

// issueFailed tells a refusal from an archive that is away.
func issueFailed(err error) error {
	var centre *centreError
	if errors.As(err, &centre) && centre.failure == archiveclient.Refused {
		return issueRefused(err)
	}
	return archiveUnavailable(err)
}

// issueWriter sends what is written to it in pieces.
type issueWriter struct {
	stream grpc.ServerStreamingServer[archivev1.IssueDocumentResponse]
	piece  []byte
	failed error
}

// Write implements io.Writer.
func (w *issueWriter) Write(p []byte) (int, error) {
	for written := 0; written < len(p); {
		n := min(len(p)-written, issueChunk-len(w.piece))
		w.piece = append(w.piece, p[written:written+n]...)
		written += n
		if len(w.piece) == issueChunk {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return len(p), nil
}

// flush sends what is left. The message is encoded before Send returns, so the piece may be used again.
func (w *issueWriter) flush() error {
	if len(w.piece) == 0 || w.failed != nil {
		return w.failed
	}
	if err := w.stream.Send(&archivev1.IssueDocumentResponse{Data: w.piece}); err != nil {
		w.failed = err
		return err
	}
	w.piece = w.piece[:0]
	return nil
}

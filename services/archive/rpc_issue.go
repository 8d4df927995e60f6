package archive

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/archiveclient"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/work"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

// IssueDocument has the archive issue a document that was deposited, and passes it on while it arrives.
func (s *service) IssueDocument(r *archivev1.IssueDocumentRequest, stream grpc.ServerStreamingServer[archivev1.IssueDocumentResponse]) error {
	ctx := stream.Context()
	d, err := s.find(ctx, r.GetEdocNum())
	if err != nil {
		return err
	}
	to := &rpc.Pieces{Send: func(piece []byte) error { return stream.Send(&archivev1.IssueDocumentResponse{Data: piece}) }}
	var of *issued
	err = s.archives.Call(ctx, s.config.Archive.Name, func(ctx context.Context) (failure error) {
		of, failure = s.centre.issue(ctx, d.archiveDocument, to)
		return failure
	})
	switch {
	case to.Failed() != nil:
		return to.Failed()
	case errors.Is(err, work.ErrBlocked):
		return archiveUnavailable(err)
	case err != nil:
		return issueFailed(err)
	}
	if err := to.Flush(); err != nil {
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

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/fault"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// contentError is a content that cannot be read, for good (lost) or for now.
type contentError struct {
	lost  bool
	cause error
}

func (e *contentError) Error() string {
	if e.lost {
		return "the content is lost: " + e.cause.Error()
	}
	return "the content cannot be read now: " + e.cause.Error()
}

func (e *contentError) Unwrap() error { return e.cause }

// unreadable judges an error of the content unit.
func unreadable(err error) *contentError {
	kind := fault.KindOf(err)
	return &contentError{lost: kind == fault.NotFound || kind == fault.Corrupt, cause: err}
}

// contents finds what is to be deposited, and that its attachments are here, too: the archive registers their hashes, and nobody
// could show later what was lost before.
func (s *service) contents(ctx context.Context, facts *platformv1.DocumentFacts) (mediaType string, err error) {
	want := map[string]string{facts.GetDocumentContent(): facts.GetDocumentHash().GetValue()}
	if len(facts.GetAttachmentContents()) != len(facts.GetAttachmentHashes()) {
		return "", &contentError{lost: true, cause: errors.New("attachments without content")}
	}
	for i, attachment := range facts.GetAttachmentContents() {
		if known, twice := want[attachment]; twice && known != facts.GetAttachmentHashes()[i].GetValue() {
			return "", &contentError{lost: true, cause: errors.New("one content has two hashes")}
		}
		want[attachment] = facts.GetAttachmentHashes()[i].GetValue()
	}
	ask := &contentv1.GetContentsRequest{}
	for upload := range want {
		ask.Ids = append(ask.Ids, upload)
	}
	answer, err := s.content.GetContents(ctx, ask)
	if err != nil {
		return "", unreadable(err)
	}
	for _, one := range answer.GetContents() {
		hash, asked := want[one.GetId()]
		if !asked || one.GetState() != contentv1.UploadState_UPLOAD_STATE_READY || one.GetHash().GetValue() != hash {
			continue
		}
		if one.GetId() == facts.GetDocumentContent() {
			mediaType = one.GetMediaType()
		}
		delete(want, one.GetId())
	}
	if len(want) > 0 {
		return "", &contentError{lost: true, cause: fmt.Errorf("%d of its files are not there as they were sent", len(want))}
	}
	return mediaType, nil
}

// open streams a document's bytes from their beginning, and ends with an error if they do not have the hash.
func (s *service) open(ctx context.Context, upload, hash string) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := s.content.ReadContent(ctx, &contentv1.ReadContentRequest{Id: upload})
	if err != nil {
		cancel()
		return nil, unreadable(err)
	}
	return &contentReader{stream: stream, cancel: cancel, digest: sha256.New(), hash: hash}, nil
}

// contentReader reads a stream of the content unit.
type contentReader struct {
	stream grpc.ServerStreamingClient[contentv1.ReadContentResponse]
	cancel context.CancelFunc
	digest hash.Hash
	hash   string
	rest   []byte
	err    error
}

// Read implements io.Reader.
func (r *contentReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.err == nil {
			r.err = r.next()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *contentReader) next() error {
	piece, err := r.stream.Recv()
	switch {
	case errors.Is(err, io.EOF) && hex.EncodeToString(r.digest.Sum(nil)) != r.hash:
		return &contentError{lost: true, cause: errors.New("it has another hash")}
	case errors.Is(err, io.EOF):
		return io.EOF
	case err != nil:
		return unreadable(err)
	}
	r.rest = piece.GetData()
	_, _ = r.digest.Write(r.rest) // never fails
	return nil
}

// Close ends the stream.
func (r *contentReader) Close() error {
	r.cancel()
	return nil
}

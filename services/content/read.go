package content

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"
	"google.golang.org/grpc"

	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
)

// chunk is how many bytes a message of ReadContent holds.
const chunk = 256 << 10

// ReadContent streams a file to another unit.
func (s *service) ReadContent(req *contentv1.ReadContentRequest, stream grpc.ServerStreamingServer[contentv1.ReadContentResponse]) error {
	ctx := stream.Context()
	id, err := uuid.Parse(req.GetId())
	if err != nil {
		return contentNotFound()
	}
	release, err := s.streams.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	u, known, err := readUpload(ctx, s.db, id)
	switch {
	case err != nil:
		return err
	case !known || u.shown() != contentv1.UploadState_UPLOAD_STATE_READY:
		return contentNotFound()
	case req.GetOffset() > u.size:
		return offsetBeyondEnd()
	}
	file, err := s.openFile(ctx, u, req.GetOffset())
	if err != nil {
		return err
	}
	defer file.close()
	given, err := give(file, stream)
	s.metrics.bytes.Add(ctx, given, of("direction", "out"))
	if errors.Is(err, errChanged) || errors.Is(err, errLost) {
		s.tellDamage(ctx, id, err)
		return contentDamaged(err)
	}
	return err
}

func give(from io.Reader, to grpc.ServerStreamingServer[contentv1.ReadContentResponse]) (given int64, err error) {
	buffer := make([]byte, chunk)
	for {
		n, err := io.ReadFull(from, buffer)
		if n > 0 {
			// The message is encoded before Send returns, so the buffer may be used again.
			if err := to.Send(&contentv1.ReadContentResponse{Data: buffer[:n]}); err != nil {
				return given, err
			}
			given += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return given, nil
		case err != nil:
			return given, err
		}
	}
}

// fileReader reads the clear bytes of a file, part after part. It gives only bytes that were uploaded, in their place.
type fileReader struct {
	ctx    context.Context //nolint:containedctx // the reader lives as long as one call
	bucket *bucket
	key    fileKey
	parts  []part
	// position is of the next byte, size that of the file.
	position, size int64
	sealed         io.Closer
	clear          io.Reader
	// failed is the error that ended the reading. Nothing is read after it.
	failed error
}

// openFile opens a file at an offset.
func (s *service) openFile(ctx context.Context, u upload, offset int64) (*fileReader, error) {
	key, err := s.sealer.openKey(u.id, u.sealedKey)
	if err != nil {
		return nil, err
	}
	parts, err := readParts(ctx, s.db, u.id)
	if err != nil {
		return nil, err
	}
	for len(parts) > 0 && parts[0].end() <= offset {
		parts = parts[1:]
	}
	return &fileReader{ctx: ctx, bucket: s.bucket, key: key, parts: parts, position: offset, size: u.size}, nil
}

func (f *fileReader) Read(p []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	n, err := f.read(p)
	f.position += int64(n)
	if err != nil {
		f.failed = err
	}
	return n, err
}

func (f *fileReader) read(p []byte) (int, error) {
	for {
		if f.clear == nil {
			if len(f.parts) == 0 {
				return 0, f.atEnd()
			}
			if err := f.next(); err != nil {
				return 0, err
			}
		}
		n, err := f.clear.Read(p)
		if errors.Is(err, io.EOF) {
			if err = f.endPart(f.position + int64(n)); err != nil {
				return 0, err
			}
			if n == 0 {
				continue
			}
		}
		return n, err
	}
}

// next opens the part at the position.
func (f *fileReader) next() error {
	p := f.parts[0]
	raw, err := f.bucket.read(f.ctx, keyOf(p.object))
	if err != nil {
		return err
	}
	f.sealed = raw
	if f.clear, err = f.key.unseal(p, raw); err != nil {
		return err
	}
	if _, err := io.CopyN(io.Discard, f.clear, f.position-p.position); err != nil {
		return fmt.Errorf("go to byte %d: %w", f.position, endedEarly(err))
	}
	return nil
}

// endedEarly says what it means that a part has no more bytes: it is not the one that was written.
func endedEarly(err error) error {
	if errors.Is(err, io.EOF) {
		return errChanged
	}
	return err
}

// endPart closes a part, which has to end where its row says.
func (f *fileReader) endPart(position int64) error {
	if position != f.parts[0].end() {
		return errChanged
	}
	err := f.sealed.Close()
	f.parts, f.clear, f.sealed = f.parts[1:], nil, nil
	if err != nil {
		return storageUnavailable(err)
	}
	return nil
}

// atEnd tells a whole file from one whose rows lack a part.
func (f *fileReader) atEnd() error {
	if f.position != f.size {
		return errLost
	}
	return io.EOF
}

func (f *fileReader) close() {
	if f.sealed != nil {
		_ = f.sealed.Close() // nothing was written
	}
}

package viewing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// serving is a file on its way to whoever looks.
type serving struct {
	viewing  hostedViewing
	document document
	part     int
	file     *contentv1.Content
	offset   int64
	download bool
	// comparison is its fact.
	comparison  uuid.UUID
	traceparent string
	at          time.Time
}

// ReadPart streams a file of a document that was opened, if it is what was sent.
func (h *host) ReadPart(r *viewingv1.ReadPartRequest, stream grpc.ServerStreamingServer[viewingv1.ReadPartResponse]) error {
	ctx := stream.Context()
	caller, err := authn.Require(ctx)
	if err != nil {
		return err
	}
	s := &serving{part: int(r.GetPart()), offset: r.GetOffset(), download: r.GetDownload(), comparison: id.New(), traceparent: journal.Traceparent(ctx)}
	if s.viewing, s.document, s.at, err = h.find(ctx, caller, r.GetViewing()); err != nil {
		return err
	}
	if s.part >= len(s.document.contents) {
		return partNotFound()
	}
	of := s.document.contents[s.part]
	known, err := h.known(ctx, of)
	if err != nil {
		return err
	}
	if s.file = known[of]; s.file == nil || s.file.GetState() != contentv1.UploadState_UPLOAD_STATE_READY {
		return h.lost(ctx, s.document, s.part)
	}
	if s.offset > s.file.GetSize() {
		return offsetBeyond()
	}
	source, err := h.contents.ReadContent(ctx, &contentv1.ReadContentRequest{Id: of, Offset: s.offset})
	if err != nil {
		return contentUnavailable(err)
	}
	// The first piece shows that the file can be read; only then is the comparison worth a fact.
	first, err := source.Recv()
	if err != nil && !errors.Is(err, io.EOF) {
		return h.unreadable(ctx, s, err)
	}
	equal, err := h.compare(ctx, s)
	if err != nil {
		return err
	}
	if !equal {
		return h.differs(ctx, s.document, s.part)
	}
	return h.pour(ctx, s, first, source, stream)
}

// pour sends the header and the file. What went out in whole from its beginning is stated, and is a reading if the recipient
// asked for the file itself.
func (h *host) pour(ctx context.Context, s *serving, piece *contentv1.ReadContentResponse, source grpc.ServerStreamingClient[contentv1.ReadContentResponse],
	to grpc.ServerStreamingServer[viewingv1.ReadPartResponse],
) error {
	digest := sha256.New()
	if err := to.Send(&viewingv1.ReadPartResponse{Chunk: &platformv1.ContentChunk{Header: &platformv1.ContentHeader{
		FileName: s.file.GetFileName(), MediaType: s.file.GetMediaType(), Size: s.file.GetSize(), Hash: s.file.GetHash(), Offset: s.offset,
	}}}); err != nil {
		return fmt.Errorf("send the header of a file: %w", err)
	}
	sent := s.offset
	for piece != nil {
		data := piece.GetData()
		digest.Write(data)
		if err := to.Send(&viewingv1.ReadPartResponse{Chunk: &platformv1.ContentChunk{Data: data}}); err != nil {
			return fmt.Errorf("send a file: %w", err)
		}
		sent += int64(len(data))
		var err error
		if piece, err = source.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return h.unreadable(ctx, s, err)
		}
	}
	if sent != s.file.GetSize() {
		return h.unreadable(ctx, s, io.ErrUnexpectedEOF)
	}
	if s.offset > 0 {
		return nil
	}
	return h.served(ctx, s, digest)
}

// compare states what the hashes are before a byte is shown, and tells whether all are equal.
func (h *host) compare(ctx context.Context, s *serving) (bool, error) {
	d, token := s.document, digestOfText(s.viewing.tokenHash)
	m := &viewingv1.ContentCompared{
		EdocNum: d.number.String(), Verification: s.viewing.id.String(), Part: uint32(s.part), Served: s.file.GetHash(), Sent: d.partHash(s.part), Download: s.download, //nolint:gosec // at most ten
	}
	m.Equal = sameDigest(m.GetServed(), m.GetSent()) && sameDigest(d.hash, token) && sameDigest(d.hash, d.registered)
	if s.part == 0 {
		m.Token, m.Registered = token, d.registered
	}
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return false, fmt.Errorf("encode a comparison: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return m.GetEqual(), h.journal.InTx(ctx, func(tx *journal.Tx) error {
		if s.part == 0 && m.GetEqual() {
			markServed(tx, s.viewing.id, s.at, hex.EncodeToString(sum[:]))
		}
		return tx.Record(ctx, s.viewing.fact(d.sender, s.comparison, s.at, s.traceparent, m))
	})
}

// served states that a file went out in whole. The document is read by it, if the recipient asked for the file.
func (h *host) served(ctx context.Context, s *serving, digest hash.Hash) error {
	d := s.document
	sum := &platformv1.Digest{Algorithm: "SHA-256", Value: hex.EncodeToString(digest.Sum(nil))}
	if !sameDigest(sum, d.partHash(s.part)) {
		return h.differs(ctx, d, s.part)
	}
	now, err := h.now()
	if err != nil {
		return err
	}
	if err := h.journal.InTx(ctx, func(tx *journal.Tx) error {
		return tx.Record(ctx, s.viewing.fact(d.sender, s.comparison, now, s.traceparent, &viewingv1.ContentServed{
			EdocNum: d.number.String(), Verification: s.viewing.id.String(), Part: uint32(s.part), Hash: sum, //nolint:gosec // at most ten
		}))
	}); err != nil {
		return err
	}
	if !s.download || s.part > 0 {
		return nil
	}
	v, found, err := readHosted(ctx, h.db, s.viewing.id)
	if err != nil || !found {
		return err
	}
	_, err = h.read(ctx, v, d)
	return err
}

// unreadable is a file that breaks off; what is wrong with it at rest an operator has to see.
func (h *host) unreadable(ctx context.Context, s *serving, err error) error {
	if fault.KindOf(err) == fault.Corrupt || fault.KindOf(err) == fault.NotFound {
		return h.lost(ctx, s.document, s.part)
	}
	return contentUnavailable(err)
}

package viewing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	contentv1 "github.com/naru-relay/naru/proto/gen/naru/content/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// hostedLife is how long a viewing lasts.
const hostedLife = 30 * time.Minute

// contents keeps the files of documents that were handed over; it is a contentv1.ContentServiceClient.
type contents interface {
	GetContents(ctx context.Context, in *contentv1.GetContentsRequest, opts ...grpc.CallOption) (*contentv1.GetContentsResponse, error)
	ReadContent(ctx context.Context, in *contentv1.ReadContentRequest, opts ...grpc.CallOption) (grpc.ServerStreamingClient[contentv1.ReadContentResponse], error)
}

// host is HostedViewingService: OpenDocument here, ReadPart in hosted_read.go, ConfirmShown in hosted_shown.go.
type host struct {
	viewingv1.UnsafeHostedViewingServiceServer
	core
	checker     *checker
	contents    contents
	authorities authorities
	// timeout of a question to the content unit.
	timeout time.Duration
	log     *slog.Logger
}

var _ viewingv1.HostedViewingServiceServer = (*host)(nil)

// hosting is who opens a document in this relay's own viewing.
type hosting struct{ recipient, actedBy string }

// OpenDocument uses a viewing token up for whoever asked for it. What could keep the document from being shown is asked before
// that: the recipient must not lose its token to a unit that is away.
func (h *host) OpenDocument(ctx context.Context, r *viewingv1.OpenDocumentRequest) (*viewingv1.OpenDocumentResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	c, err := h.checker.check(ctx, ownSystem, r.GetRequestId(), r.GetToken())
	if err != nil {
		return nil, err
	}
	d := c.document
	if c.number != "" {
		mine, err := h.asked(ctx, caller, c)
		switch {
		case err != nil:
			return nil, err
		case !mine:
			c.refusedAs = foreign
		case d.mode != platformv1.ViewingMode_VIEWING_MODE_RELAY:
			return nil, viewedElsewhere()
		}
	}
	var parts []*viewingv1.ViewingPart
	if c.refusedAs == "" {
		if parts, err = h.parts(ctx, d); err != nil {
			return nil, err
		}
		c.hosted = &hosting{recipient: caller.ID, actedBy: caller.Actor}
	}
	if err := h.checker.settle(ctx, c); err != nil {
		return nil, err
	}
	return &viewingv1.OpenDocumentResponse{
		Viewing: c.verification.id.String(), EdocNum: d.number.String(), Parts: parts, ExpiresAt: timestamppb.New(c.verification.verifiedAt.Add(hostedLife)),
	}, nil
}

// asked reports whether the caller is the recipient, and the person acting for it, who asked for the token.
func (h *host) asked(ctx context.Context, caller authn.Principal, c *check) (bool, error) {
	if c.document.recipient != caller.ID {
		return false, nil
	}
	person, issued, err := readActedBy(ctx, h.db, c)
	return err == nil && (!issued || person == caller.Actor), err
}

// open keeps a viewing that begins with a verification, and states it for this unit alone.
func (h *hosting) open(ctx context.Context, tx *journal.Tx, c *check) error {
	v := hostedViewing{
		id: c.id, number: c.number, recipient: h.recipient, actedBy: h.actedBy, tokenHash: c.says.Algorithm + ":" + c.says.Value,
		openedAt: c.at, expiresAt: c.at.Add(hostedLife),
	}
	insertHosted(tx, v)
	return tx.Record(ctx, v.fact(c.document.sender, c.id, c.at, c.traceparent, &viewingv1.ViewingOpened{
		EdocNum: v.number.String(), Recipient: v.recipient, Token: digestOfText(v.tokenHash), ExpiresAt: timestamppb.New(v.expiresAt),
	}))
}

// parts asks what the files of a document are, and compares them with what was sent.
func (h *host) parts(ctx context.Context, d document) ([]*viewingv1.ViewingPart, error) {
	known, err := h.known(ctx, d.contents...)
	if err != nil {
		return nil, err
	}
	parts := make([]*viewingv1.ViewingPart, len(d.contents))
	for i, id := range d.contents {
		c := known[id]
		if c == nil || c.GetState() != contentv1.UploadState_UPLOAD_STATE_READY {
			return nil, h.lost(ctx, d, i)
		}
		if !sameDigest(c.GetHash(), d.partHash(i)) {
			return nil, h.differs(ctx, d, i)
		}
		parts[i] = &viewingv1.ViewingPart{
			Part: int32(i), FileName: c.GetFileName(), MediaType: c.GetMediaType(), Size: c.GetSize(), Hash: c.GetHash(), //nolint:gosec // at most eleven
		}
	}
	return parts, nil
}

// known asks the content unit about files.
func (h *host) known(ctx context.Context, ids ...string) (map[string]*contentv1.Content, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	answer, err := h.contents.GetContents(ctx, &contentv1.GetContentsRequest{Ids: ids})
	if err != nil {
		return nil, contentUnavailable(fmt.Errorf("ask about %d files: %w", len(ids), err))
	}
	known := make(map[string]*contentv1.Content, len(ids))
	for _, c := range answer.GetContents() {
		known[c.GetId()] = c
	}
	return known, nil
}

// partHash is the hash that was sent of a part: 0 is the document, from 1 on are its attachments.
func (d document) partHash(part int) *platformv1.Digest {
	if part == 0 {
		return d.hash
	}
	return d.attachments[part-1]
}

func sameDigest(a, b *platformv1.Digest) bool {
	return a.GetValue() != "" && a.GetAlgorithm() == b.GetAlgorithm() && a.GetValue() == b.GetValue()
}

// lost tells an operator that a file is gone which the document needs.
func (h *host) lost(ctx context.Context, d document, part int) error {
	h.log.LogAttrs(ctx, slog.LevelError, "a file of a document that can be viewed is not kept", slog.String("edoc_num", d.number.String()), slog.Int("part", part))
	return contentUnavailable(nil)
}

// differs tells an operator that what would be shown is not what was sent.
func (h *host) differs(ctx context.Context, d document, part int) error {
	h.log.LogAttrs(ctx, slog.LevelError, "a document was not shown, because hashes differ", slog.String("edoc_num", d.number.String()), slog.Int("part", part))
	return contentDiffers()
}

// hostedViewing is a viewing by this relay itself.
type hostedViewing struct {
	id                            uuid.UUID
	number                        id.EdocNumber
	recipient, actedBy, tokenHash string
	openedAt, expiresAt           time.Time
	// comparison is the digest of the comparison by which bytes of the document first went out; empty before that.
	comparison string
}

// find returns a viewing of the caller's that has not ended, with its document. Any other is unknown to the caller.
func (h *host) find(ctx context.Context, caller authn.Principal, viewing string) (hostedViewing, document, time.Time, error) {
	none := func(err error) (hostedViewing, document, time.Time, error) {
		return hostedViewing{}, document{}, time.Time{}, cmp.Or(err, viewingUnknown())
	}
	now, err := h.now()
	if err != nil {
		return none(err)
	}
	parsed, err := uuid.Parse(viewing)
	if err != nil {
		return none(viewingUnknown())
	}
	v, found, err := readHosted(ctx, h.db, parsed)
	if err != nil || !found || v.recipient != caller.ID || v.actedBy != caller.Actor || !now.Before(v.expiresAt) {
		return none(err)
	}
	if err := h.authorities.stillMay(ctx, caller); err != nil {
		return none(err)
	}
	d, _, found, err := readDocument(ctx, h.db, v.number, ownSystem)
	if err != nil || !found {
		return none(err)
	}
	return v, d, now, nil
}

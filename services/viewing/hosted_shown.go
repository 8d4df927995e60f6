package viewing

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// ConfirmShown takes it that the first page of a document stands on the recipient's screen.
func (h *host) ConfirmShown(ctx context.Context, r *viewingv1.ConfirmShownRequest) (*viewingv1.ConfirmShownResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	v, d, _, err := h.find(ctx, caller, r.GetViewing())
	if err != nil {
		return nil, err
	}
	if v.comparison == "" {
		return nil, nothingShown()
	}
	return h.read(ctx, v, d)
}

// read reports, as a viewing system does, that a document was shown now. The comparison by which it was shown is the log record
// that the report names.
func (h *host) read(ctx context.Context, v hostedViewing, d document) (*viewingv1.ConfirmShownResponse, error) {
	if !d.keepsReadTime() {
		return &viewingv1.ConfirmShownResponse{}, nil
	}
	now, err := h.now()
	if err != nil {
		return nil, err
	}
	p := &reporting{id: id.New(), at: now, traceparent: journal.Traceparent(ctx), report: report{
		number: v.number, verification: v.id, system: ownSystem, readAt: now, shown: d.hash, logDigest: v.comparison,
	}}
	if err := h.checker.take(ctx, p); err != nil {
		return nil, err
	}
	return &viewingv1.ConfirmShownResponse{ReadAt: timestamppb.New(p.counts)}, nil
}

package delivery

import (
	"context"
	"fmt"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/sealed"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

var (
	_ deliveryv1.InboxServiceServer          = (*service)(nil)
	_ deliveryv1.DeliveryLookupServiceServer = (*service)(nil)
)

func (s *service) ListInbox(ctx context.Context, r *deliveryv1.ListInboxRequest) (*deliveryv1.ListInboxResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	after, err := page.After(r.GetPageToken(), newest, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listInbox(ctx, s.db, caller.ID, r.GetUnreadOnly(), after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, item.place)
	if err != nil {
		return nil, err
	}
	answer := &deliveryv1.ListInboxResponse{NextPageToken: next}
	for _, one := range found {
		shown, err := s.show(ctx, one)
		if err != nil {
			return nil, err
		}
		answer.Items = append(answer.Items, shown)
	}
	return answer, nil
}

func (s *service) GetInboxItem(ctx context.Context, r *deliveryv1.GetInboxItemRequest) (*deliveryv1.GetInboxItemResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	one, err := readItem(ctx, s.db, caller.ID, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	shown, err := s.show(ctx, one)
	if err != nil {
		return nil, err
	}
	return &deliveryv1.GetInboxItemResponse{Item: shown}, nil
}

func (s *service) GetReceived(ctx context.Context, r *deliveryv1.GetReceivedRequest) (*deliveryv1.GetReceivedResponse, error) {
	facts, commit, err := readReceived(ctx, s.db, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &deliveryv1.GetReceivedResponse{Facts: facts, Commit: commit.String()}, nil
}

// GetEnd tells another unit whether a document has ended without being received.
func (s *service) GetEnd(ctx context.Context, r *deliveryv1.GetEndRequest) (*deliveryv1.GetEndResponse, error) {
	state, err := readState(ctx, s.db, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &deliveryv1.GetEndResponse{Ended: state.final()}, nil
}

// show opens the title; only the recipient sees it in clear. What cannot be read any more is left out and told, so that it hides
// nothing else.
func (s *service) show(ctx context.Context, one item) (*deliveryv1.InboxItem, error) {
	shown := &deliveryv1.InboxItem{EdocNum: one.number, SenderAddress: one.facts.GetFrom().GetAddress(),
		SenderPlatform: one.facts.GetFrom().GetPlatformId(), Category: one.facts.GetCategory(), ReceivedAt: timestamppb.New(one.receivedAt),
		ViewingDeadline: one.facts.GetViewingDeadline(), ViewingMode: one.facts.GetViewingMode(), DocumentHash: one.facts.GetDocumentHash(),
		Attachments: int32(len(one.facts.GetAttachmentHashes()))} //nolint:gosec // at most ten
	if one.readAt != nil {
		shown.ReadAt = timestamppb.New(*one.readAt)
	}
	title, err := s.sealed.Open(ctx, sealedTitle, one.number, one.facts.GetSealedTitle())
	switch {
	case err == nil:
		shown.Title = string(title)
	case sealed.Unreadable(err):
		shown.Unreadable = true
		s.metrics.unreadable.Add(ctx, 1)
		s.log.LogAttrs(ctx, slog.LevelError, "a document in an inbox cannot be read", slog.String("edoc_num", one.number), slog.Any("error", err))
	default:
		return nil, fmt.Errorf("open the title of %s: %w", one.number, err)
	}
	return shown, nil
}

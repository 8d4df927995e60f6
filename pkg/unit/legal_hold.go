package unit

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// holdService lets an operator place and release legal holds.
type holdService struct {
	platformv1.UnsafeLegalHoldServiceServer
	unit    string
	journal *journal.Journal
}

var _ platformv1.LegalHoldServiceServer = (*holdService)(nil)

// ListLegalHolds lists what is held.
func (s *holdService) ListLegalHolds(ctx context.Context, r *platformv1.ListLegalHoldsRequest) (*platformv1.ListLegalHoldsResponse, error) {
	after, err := page.After(r.GetPageToken(), int64(0), pageTokenInvalid(s.unit))
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := journal.ListHolds(ctx, s.journal.DB(), after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last journal.LegalHold) int64 { return last.Seq })
	if err != nil {
		return nil, err
	}
	answer := &platformv1.ListLegalHoldsResponse{NextPageToken: next}
	for _, h := range found {
		answer.Holds = append(answer.Holds, &platformv1.LegalHold{Subject: h.Subject, Reference: h.Reference, Actor: h.Actor, PlacedAt: timestamppb.New(h.PlacedAt)})
	}
	return answer, nil
}

// PlaceLegalHold places a hold.
func (s *holdService) PlaceLegalHold(ctx context.Context, r *platformv1.PlaceLegalHoldRequest) (*platformv1.PlaceLegalHoldResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	return &platformv1.PlaceLegalHoldResponse{}, s.journal.PlaceHold(ctx, r.GetSubject(), operator.ID, r.GetReference())
}

// ReleaseLegalHold ends a hold.
func (s *holdService) ReleaseLegalHold(ctx context.Context, r *platformv1.ReleaseLegalHoldRequest) (*platformv1.ReleaseLegalHoldResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	return &platformv1.ReleaseLegalHoldResponse{}, s.journal.ReleaseHold(ctx, r.GetSubject(), operator.ID, r.GetReference())
}

package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

var _ deliveryv1.InvitationServiceServer = (*service)(nil)

// GetInvitation confirms an invitation to whoever holds its code. Codes are found by their keyed hash, so the time of an answer
// tells nothing of how near a guess was.
func (s *service) GetInvitation(ctx context.Context, r *deliveryv1.GetInvitationRequest) (*deliveryv1.GetInvitationResponse, error) {
	found, known, err := findInvitation(ctx, s.db, s.inviter.codeDigest(r.GetCode()))
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, invitationNotFound()
	}
	sender, err := s.inviter.names.of(ctx, found.sender)
	if err != nil {
		return nil, err
	}
	answer := &deliveryv1.GetInvitationResponse{Relay: s.config.Invitation.Relay, Sender: sender, State: found.state.shown()}
	if found.invitedAt != nil {
		answer.InvitedAt = timestamppb.New(*found.invitedAt)
	}
	if found.openUntil != nil {
		answer.OpenUntil = timestamppb.New(*found.openUntil)
	}
	return answer, nil
}

// RefuseInvitation keeps that a contact refuses a sender, or all, and ends what waits for that.
func (s *service) RefuseInvitation(ctx context.Context, r *deliveryv1.RefuseInvitationRequest) (*deliveryv1.RefuseInvitationResponse, error) {
	found, known, err := findInvitation(ctx, s.db, s.inviter.codeDigest(r.GetCode()))
	if err != nil {
		return nil, err
	}
	if !known {
		return nil, invitationNotFound()
	}
	sender, ids := found.sender, []uuid.UUID{found.id}
	if r.GetAll() {
		sender = ""
		if ids, err = ofContact(ctx, s.db, found.digest); err != nil {
			return nil, err
		}
	}
	return &deliveryv1.RefuseInvitationResponse{}, s.onInvitations(ctx, ids, func(tx *journal.Tx, waiting []linked) error {
		return s.refuse(ctx, tx, found, sender, ids, waiting, s.clock.Now())
	})
}

func (s *service) refuse(ctx context.Context, tx *journal.Tx, found invitationRow, sender string, ids []uuid.UUID, waiting []linked, now time.Time) error {
	fresh, err := insertRefusal(ctx, tx, found.digest, sender, now)
	if err != nil {
		return err
	}
	if err := markRefused(ctx, tx, ids, now); err != nil {
		return err
	}
	if err := s.failLinked(ctx, tx, now, waiting, invitationRefused()); err != nil || !fresh {
		return err
	}
	s.metrics.invited(ctx, "refused", 1)
	return recordInvitation(ctx, tx, actor, now, &deliveryv1.InvitationRefused{Invitation: found.id.String(), All: sender == ""})
}

package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

var _ deliveryv1.InvitationAdminServiceServer = (*service)(nil)

// ListInvitations lists invitations that failed and wait.
func (s *service) ListInvitations(ctx context.Context, r *deliveryv1.ListInvitationsRequest) (*deliveryv1.ListInvitationsResponse, error) {
	after, err := page.After(r.GetPageToken(), roundPlace{}, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listInvitations(ctx, s.db, after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last failedInvitation) roundPlace { return roundPlace{ReceivedAt: last.dueSince, ID: last.id} })
	if err != nil {
		return nil, err
	}
	answer := &deliveryv1.ListInvitationsResponse{NextPageToken: next}
	for _, one := range found {
		answer.Invitations = append(answer.Invitations, &deliveryv1.WaitingInvitation{
			Id: one.id.String(), Sender: one.sender, Documents: one.documents, DueSince: timestamppb.New(one.dueSince), Attempts: one.attempts,
			LastError: one.lastError, NextAttemptAt: timestamppb.New(one.dueAt),
		})
	}
	return answer, nil
}

// RetryInvitations has invitations given at once; a pause that the channel asked for ends.
func (s *service) RetryInvitations(ctx context.Context, r *deliveryv1.RetryInvitationsRequest) (*deliveryv1.RetryInvitationsResponse, error) {
	operator, ids, err := operatorOn(ctx, r.GetIds())
	if err != nil {
		return nil, err
	}
	var retried int
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		made, err := makeInvitationsDue(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, one := range made {
			if err := recordInvitation(ctx, tx, operator, s.clock.Now(), &deliveryv1.InvitationRetried{Invitation: one.String()}); err != nil {
				return err
			}
		}
		if retried = len(made); retried == 0 || s.inviter.channel == nil {
			return nil
		}
		return endPause(ctx, tx, s.inviter.channel.name())
	})
	return &deliveryv1.RetryInvitationsResponse{Retried: int32(retried)}, err //nolint:gosec // at most 100
}

// GiveUpInvitations ends invitations that wait, and what waits for them.
func (s *service) GiveUpInvitations(ctx context.Context, r *deliveryv1.GiveUpInvitationsRequest) (*deliveryv1.GiveUpInvitationsResponse, error) {
	operator, ids, err := operatorOn(ctx, r.GetIds())
	if err != nil {
		return nil, err
	}
	var givenUp int
	err = s.onInvitations(ctx, ids, func(tx *journal.Tx, waiting []linked) error {
		now := s.clock.Now()
		over, err := giveUpInvitations(ctx, tx, ids, r.GetReason(), now)
		if err != nil {
			return err
		}
		givenUp = len(over)
		if err := s.failLinked(ctx, tx, now, waitingFor(waiting, over), invitationFailed()); err != nil {
			return err
		}
		return recordGivenUp(ctx, tx, operator, now, over, r.GetReason())
	})
	return &deliveryv1.GiveUpInvitationsResponse{GivenUp: int32(givenUp)}, err //nolint:gosec // at most 100
}

func recordGivenUp(ctx context.Context, tx *journal.Tx, operator string, now time.Time, over map[uuid.UUID]bool, reason string) error {
	for one := range over {
		if err := recordInvitation(ctx, tx, operator, now, &deliveryv1.InvitationGivenUp{Invitation: one.String(), Reason: reason}); err != nil {
			return err
		}
	}
	return nil
}

// waitingFor are the documents that wait for one of these.
func waitingFor(waiting []linked, ids map[uuid.UUID]bool) []linked {
	var some []linked
	for _, l := range waiting {
		if ids[l.invitation] {
			some = append(some, l)
		}
	}
	return some
}

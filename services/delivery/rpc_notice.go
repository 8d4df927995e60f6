package delivery

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

var _ deliveryv1.NoticeAdminServiceServer = (*service)(nil)

// ListNoticeRounds lists what recipients have not been told.
func (s *service) ListNoticeRounds(ctx context.Context, r *deliveryv1.ListNoticeRoundsRequest) (*deliveryv1.ListNoticeRoundsResponse, error) {
	after, err := page.After(r.GetPageToken(), roundPlace{}, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listRounds(ctx, s.db, r.GetGivenUp(), after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last failedRound) roundPlace { return roundPlace{ReceivedAt: last.receivedAt, ID: last.id} })
	if err != nil {
		return nil, err
	}
	answer := &deliveryv1.ListNoticeRoundsResponse{NextPageToken: next}
	for _, one := range found {
		answer.Rounds = append(answer.Rounds, one.show())
	}
	if s.hook != nil {
		left, err := pauseLeft(ctx, s.db, s.hook.name())
		if err != nil {
			return nil, err
		}
		if left > 0 {
			answer.PausedUntil = timestamppb.New(s.clock.Now().Add(left))
		}
	}
	return answer, nil
}

func (r failedRound) show() *deliveryv1.NoticeRound {
	shown := &deliveryv1.NoticeRound{
		Id: r.id.String(), EdocNums: r.numbers, ReceivedAt: timestamppb.New(r.receivedAt), Attempts: r.attempts, LastError: r.lastError,
	}
	if r.givenUpAt != nil {
		shown.GivenUpAt = timestamppb.New(*r.givenUpAt)
	} else {
		shown.NextAttemptAt = timestamppb.New(r.dueAt)
	}
	return shown
}

// RetryNoticeRounds has rounds called at once.
func (s *service) RetryNoticeRounds(ctx context.Context, r *deliveryv1.RetryNoticeRoundsRequest) (*deliveryv1.RetryNoticeRoundsResponse, error) {
	var retried int
	err := s.onRounds(ctx, r.GetIds(), func(tx *journal.Tx, operator string, ids []uuid.UUID, now time.Time) error {
		retried = 0 // the transaction may run again
		due, err := makeRoundsDue(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, one := range due {
			if err := recordRetried(ctx, tx, operator, now, one, ""); err != nil {
				return err
			}
		}
		renewed, err := renewRounds(ctx, tx, ids)
		if err != nil {
			return err
		}
		for former, next := range renewed {
			if err := recordRetried(ctx, tx, operator, now, former, next.String()); err != nil {
				return err
			}
		}
		if retried = len(due) + len(renewed); retried == 0 || s.hook == nil {
			return nil
		}
		return endPause(ctx, tx, s.hook.name())
	})
	return &deliveryv1.RetryNoticeRoundsResponse{Retried: int32(retried)}, err //nolint:gosec // at most 100
}

// GiveUpNoticeRounds ends waiting rounds.
func (s *service) GiveUpNoticeRounds(ctx context.Context, r *deliveryv1.GiveUpNoticeRoundsRequest) (*deliveryv1.GiveUpNoticeRoundsResponse, error) {
	var ended int
	err := s.onRounds(ctx, r.GetIds(), func(tx *journal.Tx, operator string, ids []uuid.UUID, now time.Time) error {
		waiting, err := lockIdle(ctx, tx, ids)
		if err != nil {
			return err
		}
		for _, one := range waiting {
			told, err := untold(ctx, tx, one.numbers)
			if err != nil {
				return err
			}
			if err := giveUpRound(ctx, tx, one.id, r.GetReason()); err != nil {
				return err
			}
			of := round{id: one.id, attempt: int(one.attempts)}
			if err := of.recordGivenUp(ctx, tx, operator, now, ofRecipients(told), r.GetReason()); err != nil {
				return err
			}
		}
		ended = len(waiting)
		return nil
	})
	return &deliveryv1.GiveUpNoticeRoundsResponse{GivenUp: int32(ended)}, err //nolint:gosec // at most 100
}

// onRounds runs an operator's act on rounds.
func (s *service) onRounds(ctx context.Context, texts []string, act func(tx *journal.Tx, operator string, ids []uuid.UUID, now time.Time) error) error {
	operator, ids, err := operatorOn(ctx, texts)
	if err != nil {
		return err
	}
	return s.journal.InTx(ctx, func(tx *journal.Tx) error { return act(tx, operator, ids, s.clock.Now()) })
}

// operatorOn is the operator who calls, and what it acts on.
func operatorOn(ctx context.Context, texts []string) (operator string, ids []uuid.UUID, err error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return "", nil, err
	}
	if ids, err = id.ParseAll(texts); err != nil {
		return "", nil, fault.New(fault.Invalid, domain, fault.InvalidRequest, "ids holds what is no UUID", fault.Wrap(err))
	}
	return caller.ID, ids, nil
}

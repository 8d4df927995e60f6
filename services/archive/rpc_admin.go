package archive

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

var _ archivev1.DepositAdminServiceServer = (*service)(nil)

// ListDeposits lists what is not deposited.
func (s *service) ListDeposits(ctx context.Context, r *archivev1.ListDepositsRequest) (*archivev1.ListDepositsResponse, error) {
	after, err := page.After(r.GetPageToken(), queuePlace{}, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listFailing(ctx, s.db, r.GetEnded(), after, size+1)
	if err != nil {
		return nil, err
	}
	found, next, err := page.Cut(found, size, func(last failing) queuePlace { return queuePlace{DueSince: last.dueSince, Number: last.number} })
	if err != nil {
		return nil, err
	}
	answer := &archivev1.ListDepositsResponse{NextPageToken: next}
	for _, one := range found {
		answer.Deposits = append(answer.Deposits, s.show(one))
	}
	return answer, nil
}

func (s *service) show(f failing) *archivev1.Deposit {
	shown := &archivev1.Deposit{
		EdocNum: f.number, Sender: f.sender, Archive: s.config.Archive.Name, DueSince: timestamppb.New(f.dueSince), Attempts: f.attempts, LastError: f.lastError,
	}
	if f.dueAt != nil {
		shown.NextAttemptAt = timestamppb.New(*f.dueAt)
	}
	if f.endedAt != nil {
		shown.EndedAt = timestamppb.New(*f.endedAt)
	}
	return shown
}

// RetryDeposits has waiting deposits tried at once.
func (s *service) RetryDeposits(ctx context.Context, r *archivev1.RetryDepositsRequest) (*archivev1.RetryDepositsResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	var retried int
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		due, err := makeDueNow(ctx, tx, slices.Compact(slices.Sorted(slices.Values(r.GetEdocNums()))))
		if err != nil {
			return err
		}
		for _, number := range due {
			if err := tx.Record(ctx, retriedFact(operator.ID, number, s.clock.Now())); err != nil {
				return err
			}
		}
		retried = len(due)
		tx.OnCommit(s.bell.Ring)
		return nil
	})
	return &archivev1.RetryDepositsResponse{Retried: int32(retried)}, err //nolint:gosec // at most 100
}

// GiveUpDeposits ends waiting deposits; their documents fail.
func (s *service) GiveUpDeposits(ctx context.Context, r *archivev1.GiveUpDepositsRequest) (*archivev1.GiveUpDepositsResponse, error) {
	operator, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	var ended int
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		now := s.clock.Now()
		given, err := giveUp(ctx, tx, slices.Compact(slices.Sorted(slices.Values(r.GetEdocNums()))), becauseGivenUp(), now)
		if err != nil {
			return err
		}
		for _, d := range given {
			if err := tx.Record(ctx, givenUpFact(operator.ID, d, now, r.GetReason())); err != nil {
				return err
			}
			if err := tx.State(ctx, d.lane, failedFact(d, operator.ID, now, becauseGivenUp())); err != nil {
				return err
			}
		}
		ended = len(given)
		return nil
	})
	return &archivev1.GiveUpDepositsResponse{GivenUp: int32(ended)}, err //nolint:gosec // at most 100
}

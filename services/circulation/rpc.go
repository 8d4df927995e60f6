package circulation

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/page"
	"github.com/naru-relay/naru/pkg/pg"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

var (
	_ circulationv1.CirculationServiceServer      = (*service)(nil)
	_ circulationv1.CirculationAdminServiceServer = (*service)(nil)
)

// GetCirculation tells the record of one of the caller's documents.
func (s *service) GetCirculation(ctx context.Context, r *circulationv1.GetCirculationRequest) (*circulationv1.GetCirculationResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	one, err := readRecord(ctx, s.db, r.GetEdocNum(), caller.ID)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &circulationv1.GetCirculationResponse{Record: s.show(one)}, nil
}

// ListQueue lists what waits for a person, the longest waiting first.
func (s *service) ListQueue(ctx context.Context, r *circulationv1.ListQueueRequest) (*circulationv1.ListQueueResponse, error) {
	after, err := page.After(r.GetPageToken(), queuePlace{}, pageTokenInvalid())
	if err != nil {
		return nil, err
	}
	size := page.Size(r.GetPageSize())
	found, err := listQueue(ctx, s.db, after, size+1)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	found, next, err := page.Cut(found, size, placeOf)
	if err != nil {
		return nil, err
	}
	resp := &circulationv1.ListQueueResponse{NextPageToken: next}
	for _, one := range found {
		resp.Records = append(resp.Records, s.show(one))
	}
	return resp, nil
}

// RetryQueued sends the same content again.
func (s *service) RetryQueued(ctx context.Context, r *circulationv1.RetryQueuedRequest) (*circulationv1.RetryQueuedResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	var calls []call
	err = s.journal.InTx(ctx, func(tx *journal.Tx) error {
		var err error
		if calls, err = retryQueued(ctx, tx, r.GetEdocNum()); err != nil {
			return err
		}
		return s.retried(ctx, tx, r.GetEdocNum(), caller, calls)
	})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	for _, c := range calls {
		s.bells[c.kind].Ring()
	}
	return &circulationv1.RetryQueuedResponse{}, nil
}

// retried keeps who asked for a retry, and refuses one of nothing.
func (s *service) retried(ctx context.Context, tx *journal.Tx, number string, by authn.Principal, calls []call) error {
	sender, err := recordSender(ctx, tx, number)
	switch {
	case err != nil:
		return err
	case len(calls) == 0:
		return notQueued()
	}
	return recordRetried(ctx, tx, number, sender, by, s.clock.Now(), calls)
}

// show is a record as its sender and the operator see it.
func (s *service) show(one full) *circulationv1.CirculationRecord {
	r := &circulationv1.CirculationRecord{
		EdocNum: one.number, From: one.facts.GetFrom(), To: one.facts.GetTo(), DocumentType: one.facts.GetDocumentType(),
		DocumentHash: one.facts.GetDocumentHash(), AttachmentHashes: one.facts.GetAttachmentHashes(), Registrar: one.facts.GetRegistrar(),
		SentAt: shownTime(one.sentAt), ReceivedAt: shownTime(one.receivedAt), ReadAt: shownTime(one.readAt),
		Registration: one.registration.show(), ReadTime: one.readTime.show(),
	}
	if one.facts != nil && (!one.facts.GetCirculation() || one.facts.GetRegistrar() != s.platform) {
		r.Registration.State, r.ReadTime.State = circulationv1.CallState_CALL_STATE_NOT_NEEDED, circulationv1.CallState_CALL_STATE_NOT_NEEDED
	}
	if one.registration.state == givenUp && one.readTime.state == waiting || one.facts != nil && !hasReadTime(one.facts.GetDocumentType()) {
		r.ReadTime.State = circulationv1.CallState_CALL_STATE_NOT_NEEDED
	}
	return r
}

func (c callView) show() *circulationv1.HubCall {
	states := map[callState]circulationv1.CallState{
		waiting: circulationv1.CallState_CALL_STATE_WAITING, due: circulationv1.CallState_CALL_STATE_DUE,
		confirming: circulationv1.CallState_CALL_STATE_DUE, done: circulationv1.CallState_CALL_STATE_DONE,
		queued: circulationv1.CallState_CALL_STATE_QUEUED, givenUp: circulationv1.CallState_CALL_STATE_GIVEN_UP,
	}
	shown := &circulationv1.HubCall{
		State: states[c.state], Result: c.result, Attempts: c.attempts, AcknowledgedAt: shownTime(c.acknowledgedAt),
		QueueReason: c.reason, QueuedAt: shownTime(c.queuedAt), Refusal: c.refusal, RefusedSince: shownTime(c.refusedSince),
	}
	if c.attempts > 0 && (c.state == due || c.state == confirming) {
		shown.NextAttemptAt = shownTime(c.dueAt)
	}
	return shown
}

func shownTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

// placeOf is where the queue goes on after a record: its oldest queued call.
func placeOf(one full) queuePlace {
	return queuePlace{QueuedAt: earliest(one.registration.queuedAt, one.readTime.queuedAt), Number: one.number}
}

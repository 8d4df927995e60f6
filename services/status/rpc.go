package status

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/fault"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

var _ statusv1.StatusServiceServer = (*service)(nil)

func (s *service) GetStatus(ctx context.Context, r *statusv1.GetStatusRequest) (*statusv1.GetStatusResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.look(ctx, caller.ID, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &statusv1.GetStatusResponse{Status: show(found)}, nil
}

// look reads one document of a sender. A miss in the projection is not yet "not found": intake is asked once, because it knows a
// document before its event has arrived here.
func (s *service) look(ctx context.Context, sender, number string) (patch, error) {
	found, err := readSummaries(ctx, s.db, sender, []string{number})
	if err != nil {
		return patch{}, err
	}
	if p, ok := found[number]; ok {
		return p, nil
	}
	answer, err := s.intake.GetDocument(ctx, &intakev1.GetDocumentRequest{EdocNum: number})
	if fault.KindOf(err) == fault.NotFound {
		return patch{}, documentNotFound()
	}
	if err != nil {
		return patch{}, fmt.Errorf("ask intake for %s: %w", number, err)
	}
	if answer.GetFacts().GetSender() != sender {
		return patch{}, documentNotFound()
	}
	p := factsPatch(answer.GetFacts())
	p.number = number
	return p, nil
}

func (s *service) BatchGetStatus(ctx context.Context, r *statusv1.BatchGetStatusRequest) (*statusv1.BatchGetStatusResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	found, err := readSummaries(ctx, s.db, caller.ID, r.GetEdocNums())
	if err != nil {
		return nil, err
	}
	answer := &statusv1.BatchGetStatusResponse{}
	for _, number := range r.GetEdocNums() {
		p, ok := found[number]
		if !ok {
			if p, err = s.look(ctx, caller.ID, number); fault.KindOf(err) == fault.NotFound && err != nil {
				answer.NotFound = append(answer.NotFound, number)
				continue
			} else if err != nil {
				return nil, err
			}
		}
		answer.Statuses = append(answer.Statuses, show(p))
	}
	return answer, nil
}

func (s *service) ListStatuses(ctx context.Context, r *statusv1.ListStatusesRequest) (*statusv1.ListStatusesResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	q := query{Sender: caller.ID, OwnKey: r.GetOwnKey(), From: since(r.GetAcceptedFrom()), Until: since(r.GetAcceptedUntil())}
	for _, state := range r.GetStates() {
		q.States = append(q.States, int16(state))
	}
	slices.Sort(q.States)
	if err := q.resume(r.GetPageToken()); err != nil {
		return nil, err
	}
	size := int(r.GetPageSize())
	if size == 0 {
		size = s.config.DefaultPage
	}
	found, err := listSummaries(ctx, s.db, q, size+1)
	if err != nil {
		return nil, err
	}
	answer := &statusv1.ListStatusesResponse{}
	if len(found) > size {
		found = found[:size]
		if answer.NextPageToken, err = q.token(found[size-1]); err != nil {
			return nil, err
		}
	}
	for _, p := range found {
		answer.Statuses = append(answer.Statuses, show(p))
	}
	return answer, nil
}

func since(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

// token is where the list goes on: the whole query with the last document, so that it fits no other query and no other caller.
func (q query) token(last patch) (string, error) {
	q.AfterAt, q.After = *last.acceptedAt, last.number
	raw, err := json.Marshal(q)
	if err != nil {
		return "", fmt.Errorf("write page token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

func (q *query) resume(token string) error {
	if token == "" {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return pageTokenInvalid()
	}
	var stored query
	if err := json.Unmarshal(raw, &stored); err != nil || stored.After == "" || stored.AfterAt.IsZero() {
		return pageTokenInvalid()
	}
	q.AfterAt, q.After = stored.AfterAt, stored.After
	if stored.Sender != q.Sender || stored.OwnKey != q.OwnKey || !stored.From.Equal(q.From) || !stored.Until.Equal(q.Until) || !slices.Equal(stored.States, q.States) {
		return pageTokenInvalid()
	}
	return nil
}

func (s *service) GetTimeline(ctx context.Context, r *statusv1.GetTimelineRequest) (*statusv1.GetTimelineResponse, error) {
	caller, err := authn.Require(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.look(ctx, caller.ID, r.GetEdocNum()); err != nil {
		return nil, err
	}
	lines, err := readTimeline(ctx, s.db, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	answer := &statusv1.GetTimelineResponse{}
	for _, l := range lines {
		answer.Entries = append(answer.Entries, &statusv1.TimelineEntry{Kind: l.kind, Ordinal: uint32(l.ordinal), OccurredAt: timestamppb.New(l.occurredAt),
			RecordedAt: timestamppb.New(l.recordedAt), AcknowledgedAt: stamp(l.acknowledgedAt), Actor: l.actor, Details: l.details})
	}
	return answer, nil
}

// show is the summary as the sender sees it. The recipient's address is told only after receipt (Act 18-6); it is kept only then.
func show(p patch) *statusv1.DocumentStatus {
	s := &statusv1.DocumentStatus{
		EdocNum: p.number, OwnKey: value(p.ownKey), State: stateOf(p), AcceptedAt: stamp(p.acceptedAt), SentAt: stamp(p.sentAt), ReceivedAt: stamp(p.receivedAt),
		ReadAt: stamp(p.readAt), RecipientAddress: value(p.recipientAddress), SendDeadline: stamp(p.sendDeadline), ViewingDeadline: stamp(p.viewing),
		TokenIssuedAt: stamp(p.tokenIssuedAt), TokenVerifiedAt: stamp(p.tokenVerifiedAt), Repeats: value(p.repeats), Reason: value(p.finalReason),
		CancelRefused: p.cancelRefused, Version: p.facts, Actor: value(p.actor), Hub: &statusv1.HubStatus{
			RegistrationResult: code(p.registrationResult, p.refusedResult), RegisteredAt: stamp(p.registeredAt),
			ReadTimeResult: code(p.readResult, p.readRefusedResult), ReadTimeRegisteredAt: stamp(p.readRegisteredAt),
			Queued: p.refusedOrdinal != nil && p.registeredAt == nil || p.readRefusedOrdinal != nil && p.readRegisteredAt == nil,
		},
	}
	return s
}

// code is the hub's stored result: of the success, else of the last refusal.
func code(done, refused *int16) int32 {
	if done != nil {
		return int32(*done)
	}
	if refused != nil {
		return int32(*refused)
	}
	return 0
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func stamp(t *time.Time) *timestamppb.Timestamp {
	if t == nil {
		return nil
	}
	return timestamppb.New(*t)
}

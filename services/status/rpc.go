package status

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/pg"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

var _ statusv1.StatusServiceServer = (*service)(nil)

const defaultPage = 100

// viewer is who asks: a sender, or an agent (송신대행자), who sees what it sent itself for whomever.
type viewer struct {
	id    uuid.UUID
	agent bool
}

// sees reports whether a document of this sender and actor is the viewer's.
func (v viewer) sees(sender, actor string) bool {
	if v.agent {
		return actor == v.id.String()
	}
	return sender == v.id.String()
}

// maySee reports whether a summary is the viewer's, or may be: the actor is not known before the acceptance has arrived.
func (v viewer) maySee(s summary) bool {
	return v.sees(s.sender.String(), s.actor) || v.agent && s.actor == ""
}

func caller(ctx context.Context) (viewer, error) {
	p, err := authn.Require(ctx)
	if err != nil {
		return viewer{}, err
	}
	id, err := uuid.Parse(p.ID)
	if err != nil {
		return viewer{}, callerMalformed(err)
	}
	return viewer{id: id, agent: p.Kind == platformv1.PrincipalKind_PRINCIPAL_KIND_AGENT}, nil
}

// GetStatus returns the status of one document.
func (s *service) GetStatus(ctx context.Context, r *statusv1.GetStatusRequest) (*statusv1.GetStatusResponse, error) {
	_, one, err := s.own(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	return &statusv1.GetStatusResponse{Status: show(one)}, nil
}

// BatchGetStatus returns the statuses of many documents, in the order of the request.
func (s *service) BatchGetStatus(ctx context.Context, r *statusv1.BatchGetStatusRequest) (*statusv1.BatchGetStatusResponse, error) {
	viewer, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.find(ctx, viewer, r.GetEdocNums())
	if err != nil {
		return nil, err
	}
	resp := &statusv1.BatchGetStatusResponse{}
	for _, number := range r.GetEdocNums() {
		if one, ok := found[number]; ok {
			resp.Statuses = append(resp.Statuses, show(one))
		} else {
			resp.NotFound = append(resp.NotFound, number)
		}
	}
	return resp, nil
}

// ListStatuses lists a viewer's documents in the order of acceptance, or against it.
func (s *service) ListStatuses(ctx context.Context, r *statusv1.ListStatusesRequest) (*statusv1.ListStatusesResponse, error) {
	viewer, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	q := query{viewer: viewer, from: timeOf(r.GetAcceptedFrom()), until: timeOf(r.GetAcceptedUntil()), ownKey: r.GetOwnKey(), batch: r.GetBatch(), newestFirst: r.GetNewestFirst()}
	for _, state := range r.GetStates() {
		q.states = append(q.states, int16(state)) //nolint:gosec // an enum of twelve
	}
	after, err := s.pages.parse(q, r.GetPageToken())
	if err != nil {
		return nil, err
	}
	size := cmp.Or(int(r.GetPageSize()), defaultPage)
	horizon := s.horizon.now() // read before the list: what it promises is in it
	found, ended, err := listSummaries(ctx, s.db, q, after, size+1, s.config.ListScan)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	resp := &statusv1.ListStatusesResponse{CompleteUntil: timestamp(horizon)}
	switch {
	case len(found) > size:
		found = found[:size]
		resp.NextPageToken = s.pages.token(q, place{acceptedAt: found[size-1].acceptedAt, number: found[size-1].number})
	case ended != nil:
		resp.NextPageToken = s.pages.token(q, *ended)
	}
	for _, one := range found {
		resp.Statuses = append(resp.Statuses, show(one))
	}
	return resp, nil
}

// GetBatchProgress counts the documents of a viewer's batch.
func (s *service) GetBatchProgress(ctx context.Context, r *statusv1.GetBatchProgressRequest) (*statusv1.GetBatchProgressResponse, error) {
	viewer, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	found, err := readProgress(ctx, s.db, query{viewer: viewer, batch: r.GetBatch()})
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	resp := &statusv1.GetBatchProgressResponse{}
	var first, last time.Time
	for _, p := range found {
		resp.Counts = append(resp.Counts, &statusv1.StateCount{State: statusv1.DocumentState(p.State), Documents: p.Documents})
		resp.Total += p.Documents
		if first.IsZero() || p.First.Before(first) {
			first = p.First
		}
		if p.Last.After(last) {
			last = p.Last
		}
	}
	resp.More, resp.FirstAcceptedAt, resp.LastAcceptedAt = resp.GetTotal() == progressMost, timestamp(first), timestamp(last)
	return resp, nil
}

// GetTimeline returns everything that happened to one document.
func (s *service) GetTimeline(ctx context.Context, r *statusv1.GetTimelineRequest) (*statusv1.GetTimelineResponse, error) {
	viewer, one, err := s.own(ctx, r.GetEdocNum())
	if err != nil {
		return nil, err
	}
	entries, err := readTimeline(ctx, s.db, viewer, r.GetEdocNum())
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	// Intake or a later fact may have reported the acceptance while its own fact is still on its way.
	if !slices.ContainsFunc(entries, func(e entry) bool { return e.kind == accepted }) && !one.acceptedAt.IsZero() {
		entries = slices.Insert(entries, 0, entry{kind: accepted, ordinal: 1, occurredAt: one.acceptedAt, actor: one.actor})
	}
	resp := &statusv1.GetTimelineResponse{}
	for _, e := range entries {
		resp.Entries = append(resp.Entries, &statusv1.TimelineEntry{
			Kind: s.kinds[e.kind], Ordinal: uint32(e.ordinal), OccurredAt: timestamp(e.occurredAt), RecordedAt: timestamp(e.recordedAt), //nolint:gosec // above zero
			AcknowledgedAt: timestamp(e.acknowledgedAt), Actor: e.actor, Details: e.details,
		})
	}
	return resp, nil
}

// own reads one of the caller's documents.
func (s *service) own(ctx context.Context, number string) (v viewer, one summary, err error) {
	if v, err = caller(ctx); err != nil {
		return v, one, err
	}
	found, err := s.find(ctx, v, []string{number})
	if err != nil {
		return v, one, err
	}
	one, known := found[number]
	if !known {
		return v, one, documentNotFound()
	}
	return v, one, nil
}

// find reads documents of a viewer. It asks intake once about those whose acceptance has not arrived yet.
func (s *service) find(ctx context.Context, v viewer, numbers []string) (map[string]summary, error) {
	found, err := readSummaries(ctx, s.db, v, numbers)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	var missing []string
	for _, number := range numbers {
		if found[number].acceptedAt.IsZero() && !slices.Contains(missing, number) {
			missing = append(missing, number)
		}
	}
	asked, err := s.lookup.find(ctx, v, missing)
	if err != nil {
		return nil, err
	}
	s.metrics.asked(ctx, len(missing), len(asked))
	for number, facts := range asked {
		one := found[number]
		one.fill(facts)
		found[number] = one
	}
	for _, number := range missing {
		if v.agent && asked[number] == nil {
			delete(found, number) // nobody knows that the agent sent it
		}
	}
	return found, nil
}

// show is a summary as its sender sees it.
func show(s summary) *statusv1.DocumentStatus {
	return &statusv1.DocumentStatus{
		EdocNum: s.number, OwnKey: s.ownKey, State: statusv1.DocumentState(s.state), Actor: s.actor, Repeats: s.repeats, Batch: s.batch, Version: s.version,
		AcceptedAt: timestamp(s.acceptedAt), SentAt: timestamp(s.sentAt), ReceivedAt: timestamp(s.receivedAt), ReadAt: timestamp(s.readAt),
		RecipientAddress: s.recipientAddress, SendDeadline: timestamp(s.sendDeadline), ViewingDeadline: timestamp(s.viewingDeadline),
		TokenIssuedAt: timestamp(s.tokenIssuedAt), TokenVerifiedAt: timestamp(s.tokenVerifiedAt), Reason: s.failureReason,
		InvitedAt:     timestamp(s.invitedAt),
		CancelRefused: !s.cancelRefusedAt.IsZero(),
		Hub: &statusv1.HubStatus{
			RegistrationResult: int32(s.registration.shown()), RegisteredAt: timestamp(s.registration.registeredAt),
			ReadTimeResult: int32(s.readTime.shown()), ReadTimeRegisteredAt: timestamp(s.readTime.registeredAt),
			Queued: s.refused(queued), Retried: s.refused(retried), GivenUp: s.refused(givenUp), Refusal: s.refusal(),
		},
	}
}

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func timeOf(t *timestamppb.Timestamp) time.Time {
	if !t.IsValid() {
		return time.Time{}
	}
	return t.AsTime()
}

package gateway

import (
	"context"
	"slices"

	"google.golang.org/grpc"

	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// perUnit passes calls of the services every unit has on to the unit the request names.
type perUnit struct {
	dial func(unit string) (grpc.ClientConnInterface, error)
}

var (
	_ platformv1.ParkedEventServiceClient  = (*perUnit)(nil)
	_ platformv1.JournalAdminServiceClient = (*perUnit)(nil)
)

// to makes a client of one unit.
func to[C any](p *perUnit, unit string, client func(grpc.ClientConnInterface) C) (C, error) {
	var none C
	if !slices.Contains(everyUnit(), unit) {
		return none, noSuchRoute()
	}
	conn, err := p.dial(unit)
	if err != nil {
		return none, err
	}
	return client(conn), nil
}

// ListParkedEvents lists those of one unit.
func (p *perUnit) ListParkedEvents(ctx context.Context, r *platformv1.ListParkedEventsRequest, opts ...grpc.CallOption) (*platformv1.ListParkedEventsResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewParkedEventServiceClient)
	if err != nil {
		return nil, err
	}
	return client.ListParkedEvents(ctx, r, opts...)
}

// ReplayParkedEvents replays those of one unit.
func (p *perUnit) ReplayParkedEvents(ctx context.Context, r *platformv1.ReplayParkedEventsRequest, opts ...grpc.CallOption) (*platformv1.ReplayParkedEventsResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewParkedEventServiceClient)
	if err != nil {
		return nil, err
	}
	return client.ReplayParkedEvents(ctx, r, opts...)
}

// ListHeldFrames lists those of one unit.
func (p *perUnit) ListHeldFrames(ctx context.Context, r *platformv1.ListHeldFramesRequest, opts ...grpc.CallOption) (*platformv1.ListHeldFramesResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewJournalAdminServiceClient)
	if err != nil {
		return nil, err
	}
	return client.ListHeldFrames(ctx, r, opts...)
}

// ReleaseFrame releases one of one unit.
func (p *perUnit) ReleaseFrame(ctx context.Context, r *platformv1.ReleaseFrameRequest, opts ...grpc.CallOption) (*platformv1.ReleaseFrameResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewJournalAdminServiceClient)
	if err != nil {
		return nil, err
	}
	return client.ReleaseFrame(ctx, r, opts...)
}

// PublishAgain has frames of one unit published again.
func (p *perUnit) PublishAgain(ctx context.Context, r *platformv1.PublishAgainRequest, opts ...grpc.CallOption) (*platformv1.PublishAgainResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewJournalAdminServiceClient)
	if err != nil {
		return nil, err
	}
	return client.PublishAgain(ctx, r, opts...)
}

// ReopenLog reopens that of one unit.
func (p *perUnit) ReopenLog(ctx context.Context, r *platformv1.ReopenLogRequest, opts ...grpc.CallOption) (*platformv1.ReopenLogResponse, error) {
	client, err := to(p, r.GetUnit(), platformv1.NewJournalAdminServiceClient)
	if err != nil {
		return nil, err
	}
	return client.ReopenLog(ctx, r, opts...)
}

package circulation

import (
	"context"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

// lookup is CirculationLookupService.
type lookup struct {
	circulationv1.UnsafeCirculationLookupServiceServer
	db pg.DBTX
}

var _ circulationv1.CirculationLookupServiceServer = lookup{}

// GetRegistration tells what the hub holds of a document.
func (l lookup) GetRegistration(ctx context.Context, r *circulationv1.GetRegistrationRequest) (*circulationv1.GetRegistrationResponse, error) {
	one, err := readAnyRecord(ctx, l.db, r.GetEdocNum())
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	return &circulationv1.GetRegistrationResponse{
		RegisteredAt: shownTime(one.registration.held()), ReadAt: shownTime(one.readAt), ReadRegisteredAt: shownTime(one.readTime.held()),
		GivenUp: one.registration.state == givenUp,
	}, nil
}

// held is since when the hub is known to have what the call told it; zero while it is not.
func (c callView) held() time.Time {
	if c.state != done {
		return time.Time{}
	}
	return c.acknowledgedAt
}

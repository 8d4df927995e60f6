package intake

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	// acceptSpan bounds the time between the stamping of an acceptance and the begin of its transaction: a document that has
	// waited longer is refused and may be sent again.
	acceptSpan = 20 * time.Second
	// horizonMargin is how long after its stamping an acceptance may become visible: the wait, the transaction, and as much as
	// the clocks of unit and database may differ.
	horizonMargin = acceptSpan + commitTimeout + 5*time.Second
)

// GetHorizon tells up to when every acceptance is published.
func (s *server) GetHorizon(ctx context.Context, _ *intakev1.GetHorizonRequest) (*intakev1.GetHorizonResponse, error) {
	now := s.clock.Now()
	until, sequence, err := journal.PublishedUntil(ctx, s.db)
	if err != nil {
		return nil, pg.AsFault(err, nil)
	}
	if now.Before(until) {
		until = now
	}
	return &intakev1.GetHorizonResponse{Until: timestamppb.New(until.Add(-horizonMargin)), Sequence: sequence}, nil
}

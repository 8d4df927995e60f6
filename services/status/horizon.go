package status

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/naru-relay/naru/pkg/lifecycle"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// horizonEvery is how often it is looked up to when every accepted document is here.
const horizonEvery = time.Second

// horizon is up to when every accepted document is in the summaries. A list of documents that are still arriving says so, because
// documents are accepted in one order and arrive in another.
type horizon struct {
	intake  intakev1.IntakeLookupServiceClient
	reached func(ctx context.Context, from string, sequence uint64) (bool, error)
	timeout time.Duration
	log     *slog.Logger

	// next is what intake has told, until everything up to there has been taken in.
	next  *intakev1.GetHorizonResponse
	until atomic.Pointer[time.Time]
}

func (h *horizon) task() lifecycle.Task {
	return lifecycle.Every("horizon", horizonEvery, func(ctx context.Context) {
		if err := h.look(ctx); err != nil && ctx.Err() == nil {
			h.log.LogAttrs(ctx, slog.LevelDebug, "the horizon of lists stays where it is", slog.Any("error", err))
		}
	})
}

// look moves the horizon. It asks intake first and the bus afterwards: what was published by then is what has to be here.
func (h *horizon) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	if h.next == nil {
		told, err := h.intake.GetHorizon(ctx, &intakev1.GetHorizonRequest{})
		if err != nil {
			return err
		}
		h.next = told
	}
	all, err := h.reached(ctx, "intake", h.next.GetSequence())
	if err != nil || !all {
		return err
	}
	if at := h.next.GetUntil().AsTime(); h.now().Before(at) {
		h.until.Store(&at)
	}
	h.next = nil
	return nil
}

// now is the horizon, zero while it is not known.
func (h *horizon) now() time.Time {
	if at := h.until.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

package circulation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/work"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

const (
	destination = "hub"
	// expressTurns is how many claims in a row look at express first; the next looks at bulk first, so that no lane starves.
	expressTurns = 3
	// metaErrCode is the metadata key of the hub's own code in the hub unit's faults.
	metaErrCode = "errCode"
)

// callTask claims and makes the calls of one kind.
func (s *service) callTask(kind callKind) (lifecycle.Task, error) {
	turn := 0
	return work.Loop[batch]{
		Name: "call-" + kind.String(), Workers: s.config.Calls.Concurrency, Interval: s.config.Calls.Interval.Std(), Wake: s.bells[kind],
		Timeout: s.config.Calls.BatchTimeout.Std(), Log: s.log,
		Claim: func(ctx context.Context, limit int) ([]batch, error) {
			turn++
			return s.claim(ctx, kind, limit, turn)
		},
		Do: s.do,
	}.Task()
}

// claim claims up to limit batches, each of one lane.
func (s *service) claim(ctx context.Context, kind callKind, limit, turn int) ([]batch, error) {
	lanes := []platformv1.Lane{platformv1.Lane_LANE_EXPRESS, platformv1.Lane_LANE_BULK}
	if turn%(expressTurns+1) == 0 {
		lanes[0], lanes[1] = lanes[1], lanes[0]
	}
	most := s.config.Calls.Batch
	var batches []batch
	for _, lane := range lanes {
		for len(batches) < limit && len(s.destinations.Blocked()) == 0 {
			b, err := claimBatch(ctx, s.db, kind, lane, most, batchLease)
			if err != nil {
				return batches, err
			}
			if len(b.calls) > 0 {
				batches = append(batches, b)
			}
			if len(b.calls) < most {
				break
			}
		}
	}
	return batches, nil
}

const (
	// batchLease is how long a claim stands that nobody renews: the batch of a replica that ended, or whose results could not be
	// written down, is soon taken over.
	batchLease   = 15 * time.Second
	batchRenewal = 5 * time.Second
)

// hold renews the claim of a batch until it is released. A claim that is lost does not end the batch; its results are then too
// late.
func (s *service) hold(ctx context.Context, b batch) (release func()) {
	_, release = work.Keep(context.WithoutCancel(ctx), batchRenewal, func(ctx context.Context) error { return renewCall(ctx, s.db, b, batchLease) }, func(ctx context.Context, err error) {
		s.log.LogAttrs(ctx, slog.LevelWarn, "the claim of calls to the hub was not renewed", slog.Int("calls", len(b.calls)), slog.Any("error", err))
	})
	return release
}

// do makes the calls of a batch and settles them.
func (s *service) do(ctx context.Context, b batch) {
	defer s.hold(ctx, b)()
	ctx, options := parentOf(ctx, b)
	ctx, span := s.tracer.Start(ctx, "call hub "+b.kind.String(), options...)
	defer span.End()
	ready, attempts := s.prepare(ctx, b.calls)
	if len(ready) > 0 {
		if err := beginCall(ctx, s.db, b, ready); err != nil {
			// Nothing was sent; the calls are due again when the lease ends.
			s.log.LogAttrs(ctx, slog.LevelWarn, "calls to the hub were not begun", slog.Int("calls", len(b.calls)), slog.Any("error", err))
			return
		}
	}
	offenders := s.config.Calls.MaxOffenders
	attempts = append(attempts, s.send(ctx, b.kind, ready, &offenders, unsent)...)
	settleCtx, cancel := work.Settling(ctx)
	defer cancel()
	if err := s.settle(settleCtx, b, attempts); err != nil {
		// The calls are due again when the lease ends. The hub then answers 2, which is accepted because the outcome of these
		// attempts is unknown.
		s.log.LogAttrs(ctx, slog.LevelError, "results of the hub were not written down", slog.Int("calls", len(attempts)), slog.Any("error", err))
	}
}

// send calls the hub with all of ready. If the hub refuses the call as a whole, the halves are sent separately, until the item
// that causes the refusal is alone. offenders is how many such items the batch may still have. before is the result for ready if
// no call can be made now.
func (s *service) send(ctx context.Context, kind callKind, ready []prepared, offenders *int, before sending) []attempt {
	if len(ready) == 0 {
		return nil
	}
	started := s.clock.Now()
	if ctx.Err() != nil || *offenders == 0 {
		return endedAs(ready, before, started, started)
	}
	given, err := s.call(ctx, kind, ready)
	if !errors.Is(err, work.ErrBlocked) && s.outage.Saw(err == nil && given.tookAny()) {
		defer s.wake(ctx)
	}
	switch {
	case err == nil:
		return resultsOf(ready, given, started)
	case errors.Is(err, work.ErrBlocked):
		return endedAs(ready, before, started, started)
	case !isRefusal(err):
		s.log.LogAttrs(ctx, slog.LevelWarn, "call to the hub without a known outcome", slog.String("call", kind.String()),
			slog.Int("items", len(ready)), slog.Any("error", err))
		return endedAs(ready, unknown, started, s.clock.Now())
	case len(ready) > 1:
		half := len(ready) / 2
		return append(s.send(ctx, kind, ready[:half], offenders, unknown), s.send(ctx, kind, ready[half:], offenders, unknown)...)
	}
	*offenders--
	s.log.LogAttrs(ctx, slog.LevelWarn, "the hub refuses an item", slog.String("call", kind.String()),
		slog.String("edoc_num", ready[0].call.number), slog.Any("error", err))
	alone := endedAs(ready, refusedAlone, started, s.clock.Now())
	alone[0].code, alone[0].final = fault.As(err).Metadata[metaErrCode], fault.KindOf(err) == fault.Invalid
	return alone
}

// isRefusal reports whether the hub, or the hub unit for it, does not accept the call. The answer may change, but not at once.
func isRefusal(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Conflict || kind == fault.Invalid
}

// answer is a batch's answer.
type answer struct {
	results    map[string]int32
	exchange   string
	answeredAt time.Time
}

// call makes one call to the hub unit, unless the unit is blocked for now (work.ErrBlocked).
func (s *service) call(ctx context.Context, kind callKind, ready []prepared) (given answer, err error) {
	err = s.destinations.Call(ctx, destination, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, s.config.Calls.Timeout.Std())
		defer cancel()
		if kind == readTime {
			given, err = s.callReadTimes(ctx, ready)
		} else {
			given, err = s.callRegistrations(ctx, ready)
		}
		return err
	})
	return given, err
}

func (s *service) callRegistrations(ctx context.Context, ready []prepared) (answer, error) {
	req := &hubv1.RegisterCirculationsRequest{Items: make([]*hubv1.CirculationItem, len(ready))}
	for i, p := range ready {
		req.Items[i] = p.item
	}
	resp, err := s.hub.RegisterCirculations(ctx, req)
	if err != nil {
		return answer{}, err
	}
	return s.answerOf(resp.GetResults(), resp.GetExchange(), resp.GetAnsweredAt()), nil
}

func (s *service) callReadTimes(ctx context.Context, ready []prepared) (answer, error) {
	req := &hubv1.RegisterReadTimesRequest{Items: make([]*hubv1.ReadTimeItem, len(ready))}
	for i, p := range ready {
		req.Items[i] = &hubv1.ReadTimeItem{EdocNum: p.call.number, ReadAt: timestamppb.New(p.call.readAt)}
	}
	resp, err := s.hub.RegisterReadTimes(ctx, req)
	if err != nil {
		return answer{}, err
	}
	return s.answerOf(resp.GetResults(), resp.GetExchange(), resp.GetAnsweredAt()), nil
}

func (s *service) answerOf(results []*hubv1.ItemResult, exchange string, at *timestamppb.Timestamp) answer {
	a := answer{results: make(map[string]int32, len(results)), exchange: exchange, answeredAt: s.clock.Now()}
	if at.IsValid() {
		a.answeredAt = at.AsTime()
	}
	for _, r := range results {
		a.results[r.GetEdocNum()] = r.GetResult()
	}
	return a
}

func resultsOf(ready []prepared, given answer, started time.Time) []attempt {
	attempts := endedAs(ready, leftOut, started, given.answeredAt)
	for i := range attempts {
		attempts[i].exchange = given.exchange
		if result := given.results[attempts[i].call.number]; result > resultLeftOut {
			attempts[i].sending, attempts[i].result = answered, result
		}
	}
	return attempts
}

func endedAs(ready []prepared, how sending, started, ended time.Time) []attempt {
	attempts := make([]attempt, len(ready))
	for i, p := range ready {
		attempts[i] = p.attempt
		attempts[i].sending, attempts[i].startedAt, attempts[i].endedAt = how, started, ended
	}
	return attempts
}

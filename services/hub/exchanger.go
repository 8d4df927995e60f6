package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// exchanger makes whole exchanges: it waits until a call may run, takes a token, makes the call, and repeats it once if it failed
// because of the token.
type exchanger struct {
	recorder *recorder
	tokens   *tokens
	client   *hubclient.Client
	places   chan struct{}
	batches  chan struct{}
}

func newExchanger(r *recorder, t *tokens, c *hubclient.Client, limits LimitConfig) *exchanger {
	return &exchanger{
		recorder: r, tokens: t, client: c,
		places: make(chan struct{}, limits.Concurrent), batches: make(chan struct{}, limits.ConcurrentBatches),
	}
}

// receipt names a stored exchange.
type receipt struct {
	exchange   uuid.UUID
	answeredAt time.Time
}

// call makes one exchange and reads the answer with read. Its error is *hubclient.Refused if the hub refused, otherwise a fault
// HUB_UNAVAILABLE, with the hub's code if the hub said to try later. A repetition sends the same bytes.
func (x *exchanger) call(ctx context.Context, call hubclient.Call, read func(hubclient.Answer) error) (receipt, error) {
	leave, err := x.enter(ctx, call.Operation)
	if err != nil {
		return receipt{}, unavailable(err)
	}
	defer leave()
	held, err := x.tokens.current(ctx)
	if err != nil {
		return receipt{}, unavailable(err)
	}
	r := receipt{exchange: id.New()} // a UUIDv7; the tables are partitioned by its year
	r.answeredAt, err = x.recorder.do(ctx, r.exchange, 1, call, held.access, read)
	if x.client.TokenFailed(err) {
		if held, err = x.tokens.replace(ctx, held.version); err != nil {
			return receipt{}, unavailable(err)
		}
		r.answeredAt, err = x.recorder.do(ctx, r.exchange, 2, call, held.access, read)
	}
	var refusal *hubclient.Refused
	var later *hubclient.TryLater
	switch {
	case err == nil:
		return r, nil
	case errors.As(err, &later):
		return r, tryLater(later.Code, err)
	case errors.As(err, &refusal) && !x.client.TokenFailed(err):
		return r, err
	default:
		return r, unavailable(err)
	}
}

// enter waits until a call may run. Batches have a limit of their own, so that they never use all places.
func (x *exchanger) enter(ctx context.Context, op hubclient.Operation) (leave func(), err error) {
	queues := []chan struct{}{x.places}
	if op == hubclient.RegisterCirculations || op == hubclient.RegisterReadTimes {
		queues = []chan struct{}{x.batches, x.places}
	}
	for i, queue := range queues {
		select {
		case queue <- struct{}{}:
		case <-ctx.Done():
			for _, taken := range queues[:i] {
				<-taken
			}
			return nil, fmt.Errorf("wait for a place among the calls: %w", ctx.Err())
		}
	}
	return func() {
		for _, taken := range queues {
			<-taken
		}
	}, nil
}

// faultOf maps what call returned to the fault of an RPC.
func (x *exchanger) faultOf(err error) error {
	var refusal *hubclient.Refused
	if !errors.As(err, &refusal) {
		return err
	}
	if x.client.NoCirculation(err) {
		return noCirculation(refusal.Code, err)
	}
	return refused(refusal.Code, err)
}

package hub

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/sony/gobreaker/v2"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/sealed"
	"github.com/naru-relay/naru/pkg/work"
	"github.com/naru-relay/naru/services/hub/internal/hubclient"
)

// outcome of one attempt, as stored and counted.
type outcome string

const (
	outcomeSuccess      outcome = "success"
	outcomeRefused      outcome = "refused"
	outcomeTokenRefused outcome = "token_refused"
	outcomeTryLater     outcome = "try_later"
	outcomeUnknown      outcome = "unknown"
)

// errNotRecorded says that the exchange could not be stored: the call was not made, or its answer is not used.
var errNotRecorded = errors.New("the exchange could not be stored")

// recorder makes single attempts: breaker, record of the request, call, record of the answer, in that order.
type recorder struct {
	journal *journal.Journal
	sealed  *sealed.Box
	clock   clock.Clock
	client  *hubclient.Client
	breaker *gobreaker.TwoStepCircuitBreaker[any]
	metrics *metrics
}

// attempt is one call as it is made and recorded.
type attempt struct {
	exchange uuid.UUID
	number   int16
	call     hubclient.Call
	stamp    hubclient.Stamp
	request  []byte // as recorded
	digest   []byte // of request
}

// answered is the result of an attempt.
type answered struct {
	outcome outcome
	code    string
	detail  string
	status  int
	digest  []byte
	parts   [][]byte
	at      time.Time
}

// do makes one attempt and judges its answer by read. The attempt's error is nil, *hubclient.Refused, *hubclient.TryLater or
// hubclient.ErrUnknown. The answer is stored before do returns; an answer that could not be stored counts as unknown.
func (r *recorder) do(ctx context.Context, exchange uuid.UUID, number int16, call hubclient.Call, accessToken string,
	read func(hubclient.Answer) error,
) (time.Time, error) {
	report, err := r.breaker.Allow()
	if err != nil {
		r.metrics.count(ctx, call.Operation, "breaker_open")
		return time.Time{}, fmt.Errorf("%w: %w", hubclient.ErrUnknown, err)
	}
	a := attempt{exchange: exchange, number: number, call: call, stamp: hubclient.Stamp{RequestID: uuid.New(), At: r.clock.Now()}}
	a.request = r.client.Record(call, a.stamp)
	digest := sha256.Sum256(a.request)
	a.digest = digest[:]
	if err := r.recordRequest(ctx, a); err != nil {
		report(errNotRecorded)
		return time.Time{}, fmt.Errorf("%w: %w", errNotRecorded, err)
	}
	started := r.clock.Now()
	answer, err := r.client.Send(ctx, call, a.stamp, accessToken)
	if err == nil {
		err = r.client.Judge(read(answer))
	}
	if err != nil && ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		report(ctx.Err())
	} else {
		report(err)
	}
	res := answered{at: r.clock.Now(), status: answer.Status}
	r.classify(&res, err)
	r.metrics.answered(ctx, call.Operation, res.outcome, res.at.Sub(started))
	if recordErr := r.recordAnswer(ctx, a, answer, res); recordErr != nil {
		return time.Time{}, fmt.Errorf("%w: %w: %w", hubclient.ErrUnknown, errNotRecorded, recordErr)
	}
	return res.at, err
}

func (r *recorder) classify(res *answered, err error) {
	var refusal *hubclient.Refused
	var later *hubclient.TryLater
	switch {
	case err == nil:
		res.outcome = outcomeSuccess
	case errors.As(err, &later):
		res.outcome, res.code = outcomeTryLater, later.Code
	case errors.As(err, &refusal):
		res.outcome, res.code = outcomeRefused, refusal.Code
		if r.client.TokenFailed(err) {
			res.outcome = outcomeTokenRefused
		}
	default:
		res.outcome, res.detail = outcomeUnknown, err.Error()
	}
}

func (r *recorder) recordRequest(ctx context.Context, a attempt) error {
	parts, err := r.seal(ctx, a.exchange, a.number, "request", a.request)
	if err != nil {
		return err
	}
	return insertRequest(ctx, r.journal.DB(), a, parts)
}

// recordAnswer stores and states the result in one transaction, even if the caller has gone.
func (r *recorder) recordAnswer(ctx context.Context, a attempt, answer hubclient.Answer, res answered) error {
	ctx, cancel := work.Settling(ctx)
	defer cancel()
	if answer.Status != 0 {
		raw := hubclient.RecordAnswer(a.call.Operation, answer)
		digest := sha256.Sum256(raw)
		parts, err := r.seal(ctx, a.exchange, a.number, "response", raw)
		if err != nil {
			return err
		}
		res.digest, res.parts = digest[:], parts
	}
	return r.journal.InTx(ctx, func(tx *journal.Tx) error {
		insertResponse(tx, a, res)
		return recordExchangeAnswered(ctx, tx, a, res)
	})
}

// seal packs a message and seals it in pieces for exchange, attempt and side.
func (r *recorder) seal(ctx context.Context, exchange uuid.UUID, number int16, side string, message []byte) ([][]byte, error) {
	packed, err := pack(message)
	if err != nil {
		return nil, err
	}
	pieces, err := sealed.SealPieces(ctx, r.sealed, sealedExchange, sideSubject(exchange, number, side), packed)
	if err != nil {
		return nil, fmt.Errorf("seal %s of exchange %s: %w", side, exchange, err)
	}
	return pieces, nil
}

func sideSubject(exchange uuid.UUID, number int16, side string) string {
	return fmt.Sprintf("%s/%d/%s", exchange, number, side)
}

func pack(message []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if _, err := w.Write(message); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack: %w", err)
	}
	return b.Bytes(), nil
}

// newBreaker counts calls with an unknown outcome as failures. A refusal is an answer. So is "try later": the hub is there and
// answers at once, so nobody waits; each caller backs off by itself; and the code may concern one kind of call, while an open
// breaker stops all kinds. A caller that has gone, or our own database being down, says nothing about the hub.
func newBreaker(c BreakerConfig, log *slog.Logger) *gobreaker.TwoStepCircuitBreaker[any] {
	return gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name: "hub", MaxRequests: 1, Timeout: c.OpenFor.Std(),
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return int64(counts.ConsecutiveFailures) >= int64(c.Failures)
		},
		IsSuccessful: func(err error) bool {
			var refusal *hubclient.Refused
			var later *hubclient.TryLater
			return err == nil || errors.As(err, &refusal) || errors.As(err, &later)
		},
		IsExcluded: func(err error) bool {
			return errors.Is(err, errNotRecorded) || errors.Is(err, context.Canceled)
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			log.LogAttrs(context.Background(), slog.LevelWarn, "hub breaker changed", slog.String("from", from.String()), slog.String("to", to.String()))
		},
	})
}

package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
)

const (
	deferralInterval = 250 * time.Millisecond
	deferralBatch    = 200
)

func (e *Engine) deferralTask() lifecycle.Task {
	return lifecycle.Every("deferred-events", deferralInterval, func(ctx context.Context) {
		if _, err := e.HandleDeferred(ctx); err != nil && ctx.Err() == nil {
			e.deps.Log.LogAttrs(ctx, slog.LevelWarn, "deferred events were not handled", slog.Any("error", err))
		}
	})
}

// HandleDeferred gives the due deferred events to their handlers, each in its own savepoint, and returns their number.
func (e *Engine) HandleDeferred(ctx context.Context) (int, error) {
	prepared, err := e.prepareDeferred(ctx)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, txDeadline)
	defer cancel()
	var handled int
	err = e.deps.Journal.InTx(ctx, func(tx *journal.Tx) error {
		due, err := readDeferred(ctx, tx, deferralBatch, claimed)
		if err != nil {
			return err
		}
		handled = 0
		for _, s := range due {
			if !e.take(&s, prepared) {
				continue // it was not due when the others were prepared
			}
			handled++
			if err := e.retryDeferred(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	return handled, err
}

func (e *Engine) retryDeferred(ctx context.Context, tx *journal.Tx, s stored) error {
	verdict, err := e.again(ctx, tx, s)
	if err != nil {
		return err
	}
	clocks := pg.Clocks{Unit: e.deps.Clock.Now(), Database: s.readAt, Trusted: e.deps.Trusted()}
	if verdict.what == deferred && clocks.Expiry().Sub(s.since) > deferredLimit {
		verdict = Park("deferred_too_long")
	}
	switch verdict.what {
	case deferred:
		return postponeDeferred(ctx, tx, s, verdict.reason)
	case parked:
		e.parkings.Add(ctx, 1)
		if err := insertParked(ctx, tx, s.consumer, []envelope{s.envelope}, []string{verdict.reason}); err != nil {
			return err
		}
	}
	return deleteDeferred(ctx, tx, s)
}

// again gives one stored event to its handler. It returns an error only when the transaction itself failed.
func (e *Engine) again(ctx context.Context, tx *journal.Tx, s stored) (Verdict, error) {
	h, ok := e.handlerOf(s)
	if !ok {
		return Park("no_handler"), nil
	}
	one := []envelope{s.envelope}
	finish := e.trace(ctx, Consumer{Purpose: s.consumer}, one)
	defer finish()
	verdicts, err := e.verdicts(ctx, tx, h, one, true)
	if err != nil {
		return Verdict{}, fmt.Errorf("handle stored event of %s: %w", s.envelope.kind, err)
	}
	return verdicts[0], nil
}

func (e *Engine) handlerOf(s stored) (Handler, bool) {
	for _, c := range e.deps.Consumers {
		for _, h := range c.Handlers {
			if c.Purpose == s.consumer && h.kind == s.envelope.kind {
				return h, true
			}
		}
	}
	return Handler{}, false
}

// ErrNotParked says that there is no such parked event, or no longer.
var ErrNotParked = errors.New("no such parked event")

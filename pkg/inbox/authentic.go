package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/pg"
)

// wholeFrame begins the reasons for which a frame is parked as it came, without having been opened.
const wholeFrame = "frame_"

const (
	// keyRetry is the pause before a frame whose producer could not be asked for the key is offered again.
	keyRetry = 2 * time.Second
	// unknownKeyRetry is the one where it was asked and never had such a key: somebody may be making ids up.
	unknownKeyRetry = 10 * time.Second
	// forgedKept bounds the frames of others that are kept for the operator, so that nobody fills the table with them.
	forgedKept = 1000
)

// authentic gives the arrivals that are their producer's and of the time in which frames are published. The others are brought to their
// end here: what is no frame is dropped, what is forged or too old is parked, what cannot be judged now comes again.
func (e *Engine) authentic(ctx context.Context, c Consumer, batch []arrival) []arrival {
	good := batch[:0]
	for _, a := range batch {
		why, err := "", a.err
		if err == nil {
			why, err = e.judge(ctx, a)
		}
		switch {
		case err == nil:
			good = append(good, a)
		case a.err != nil:
			// No frame of ours: nothing can be parked by identity. It is dropped loudly; its bytes stay in the stream.
			e.deps.Log.LogAttrs(ctx, slog.LevelError, "message is no frame and was dropped", slog.String("consumer", c.Purpose), slog.Any("error", err))
			e.forgeries.Add(ctx, 1)
			e.acknowledge(ctx, a)
		case why == "":
			if ctx.Err() == nil {
				e.retries.Add(ctx, 1)
				e.deps.Log.LogAttrs(ctx, slog.LevelWarn, "frame put off", slog.String("consumer", c.Purpose),
					slog.String("frame_id", a.frame.ID.String()), slog.Any("error", err))
			}
			delay := keyRetry
			if fault.KindOf(err) == fault.Conflict {
				delay = unknownKeyRetry
			}
			_ = a.message.Later(delay) // if this is lost, AckWait gives it back
		default:
			e.refuse(ctx, c, a, why)
		}
	}
	return good
}

// judge says why a frame is not taken. An error without a reason means that it cannot be judged now.
func (e *Engine) judge(ctx context.Context, a arrival) (why string, err error) {
	// Before the key is asked for: one that nobody knows is waited for, and not longer than a frame may be published.
	if age := e.deps.Clock.Now().Sub(a.frame.RecordedAt); age.Abs() > journal.Republished {
		return "frame_too_old", fmt.Errorf("frame is %s old", age.Round(time.Hour))
	}
	switch err := e.deps.Keys.Check(ctx, a.frame.Header, a.tag); {
	case errors.Is(err, journal.ErrForged):
		return "frame_forged", err
	case errors.Is(err, journal.ErrKeyDestroyed):
		return "frame_key_destroyed", err
	default:
		return "", err
	}
}

// refuse parks a frame whole, without taking its id as consumed: the true frame of that id must still find its way.
func (e *Engine) refuse(ctx context.Context, c Consumer, a arrival, why string) {
	e.deps.Log.LogAttrs(ctx, slog.LevelError, "frame refused", slog.String("consumer", c.Purpose), slog.String("reason", why),
		slog.String("frame_id", a.frame.ID.String()), slog.String("kind", string(a.frame.Kind)))
	e.forgeries.Add(ctx, 1)
	ctx, cancel := context.WithTimeout(ctx, txDeadline)
	defer cancel()
	const count = `select count(*) from (select from parked_event where reason = $1 limit $2) p`
	kept, err := pg.Value[int](ctx, e.deps.Journal.DB(), "count the frames parked for it", count, why, forgedKept)
	if err == nil && kept < forgedKept {
		err = parkFrame(ctx, e.deps.Journal.DB(), c.Purpose, a.frame, why)
	}
	if err != nil {
		_ = a.message.Later(keyRetry) // if this is lost, AckWait gives it back
		return
	}
	e.acknowledge(ctx, a)
}

func (e *Engine) acknowledge(ctx context.Context, a arrival) {
	if err := a.message.Ack(); err != nil {
		e.deps.Log.LogAttrs(ctx, slog.LevelWarn, "acknowledgement was not sent, the frame will come again", slog.Any("error", err))
	}
}

// safely runs a handler; a panic is its failure, not the process's end.
func (e *Engine) safely(ctx context.Context, h Handler, tx *journal.Tx, of []envelope) (verdicts []Verdict, err error) {
	defer e.recovered(ctx, h.kind, &err)
	return h.handle(ctx, tx, of)
}

// recovered makes a panic of a handler the failure of what it handled.
func (e *Engine) recovered(ctx context.Context, kind frame.Kind, failure *error) {
	cause := recover()
	if cause == nil {
		return
	}
	*failure = fmt.Errorf("handler of %s panicked", kind)
	e.panics.Add(ctx, 1)
	e.deps.Log.LogAttrs(ctx, slog.LevelError, "handler panicked", slog.String("kind", string(kind)), slog.String("type", fmt.Sprintf("%T", cause)),
		slog.String("stack", string(debug.Stack())))
}

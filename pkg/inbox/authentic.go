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

// wholeFrame is the prefix of the reasons for which a whole frame is parked unopened.
const wholeFrame = "frame_"

const (
	// keyRetry is the pause before the next try, when the producer could not be asked for the key.
	keyRetry = 2 * time.Second
	// unknownKeyRetry is the pause when the producer answered that it never had such a key: somebody may be inventing ids.
	unknownKeyRetry = 10 * time.Second
	// forgedKept bounds the forged frames that are kept for the operator, so that nobody can fill the table with them.
	forgedKept = 1000
)

// authentic returns the arrivals that their producer made and that are recent enough. It deals with the others itself: what is no
// frame is dropped, what is forged or too old is parked, and what cannot be judged now is asked for again later.
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
			// This is no frame of ours, so it has no identity to park it by. It is dropped and logged as an error; its bytes stay
			// in the stream.
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

// judge returns why a frame is not taken. An error without a reason means that it cannot be judged now.
func (e *Engine) judge(ctx context.Context, a arrival) (why string, err error) {
	// The age is checked before the key is asked for: a frame with an unknown key waits only as long as it may be published.
	if old, err := e.tooOld(ctx, a.frame.RecordedAt); err != nil {
		if old {
			why = "frame_too_old"
		}
		return why, err
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

// tooOld judges a frame's time by both clocks. If they differ about it, or the unit's may not be believed, it cannot be judged
// now: a clock that is wrong by a month must not cost a frame.
func (e *Engine) tooOld(ctx context.Context, recorded time.Time) (bool, error) {
	age := e.deps.Clock.Now().Sub(recorded)
	if age.Abs() <= journal.Republished {
		return false, nil
	}
	database, err := pg.Value[time.Time](ctx, e.deps.Journal.DB(), "read database time", `select now()`)
	switch {
	case err != nil:
		return false, err
	case !e.deps.Trusted(), database.Sub(recorded).Abs() <= journal.Republished:
		return false, fmt.Errorf("frame is %s old by a clock that may be wrong", age.Round(time.Hour))
	}
	return true, fmt.Errorf("frame is %s old", age.Round(time.Hour))
}

// refuse parks a whole frame but does not mark its id as consumed: the true frame with that id must still be taken.
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

// safely runs a handler; a panic counts as a failure of the handler and does not end the process.
func (e *Engine) safely(ctx context.Context, h Handler, tx *journal.Tx, of []envelope) (verdicts []Verdict, err error) {
	defer e.recovered(ctx, h.kind, &err)
	return h.handle(ctx, tx, of)
}

// recovered turns a panic of a handler into an error about the event it handled.
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

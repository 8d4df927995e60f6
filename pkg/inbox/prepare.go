package inbox

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
)

// OnPrepared makes a handler with a step before the transaction. The step is for what must not happen inside one: calls to other
// units, and whatever may need a second connection of the pool, such as opening a sealed value whose key is not yet in memory.
// prepare runs for each event, even for one that was consumed already; fn gets its results, one per event. fn MUST NOT change
// them, because the transaction may run again. An error of prepare counts like an error of fn (see On).
func OnPrepared[M proto.Message, P any](
	prepare func(ctx context.Context, event Event[M]) (P, error),
	fn func(ctx context.Context, tx *journal.Tx, events []Event[M], prepared []P) ([]Verdict, error),
) Handler {
	h := handlerOf(func(ctx context.Context, tx *journal.Tx, events []Event[M], of []envelope) ([]Verdict, error) {
		answers := make([]P, len(of))
		for i, e := range of {
			answer, ok := e.prepared.answer.(P)
			switch {
			case e.prepared.err != nil:
				return nil, e.prepared.err
			case !ok:
				return nil, fmt.Errorf("%w: %s", errUnprepared, e.kind)
			}
			answers[i] = answer
		}
		return fn(ctx, tx, events, answers)
	})
	h.prepare = func(ctx context.Context, e envelope) (any, error) {
		message, err := frame.Payload[M](e.event)
		if err != nil { // such an event is parked anyway
			return nil, nil //nolint:nilerr,nilnil // there is nothing to prepare
		}
		return prepare(ctx, decoded(e, message))
	}
	return h
}

var errUnprepared = errors.New("event was handed out without its preparation")

// preparation is the result of a handler's first step for one event.
type preparation struct {
	done   bool
	answer any
	err    error
}

// prepare runs the first step of the handlers that have one. With oneByOne, an event that cannot be prepared does not stop the
// others; otherwise the first error gives the whole batch back.
func (e *Engine) prepare(ctx context.Context, c Consumer, opened []openedFrame, oneByOne bool) error {
	for _, h := range c.Handlers {
		if h.prepare == nil {
			continue
		}
		for _, f := range opened {
			if f.frame.Kind != h.kind {
				continue
			}
			for i := range f.envelopes {
				f.envelopes[i].prepared = e.prepared(ctx, h, f.envelopes[i])
				if err := f.envelopes[i].prepared.err; err != nil && !oneByOne {
					return fmt.Errorf("prepare %s: %w", h.kind, err)
				}
			}
		}
	}
	return nil
}

func (e *Engine) prepared(ctx context.Context, h Handler, of envelope) (p preparation) {
	p.done = true
	defer e.recovered(ctx, h.kind, &p.err)
	p.answer, p.err = h.prepare(ctx, of)
	return p
}

// prepares reports whether any handler has a step before the transaction.
func (e *Engine) prepares() bool {
	for _, c := range e.deps.Consumers {
		for _, h := range c.Handlers {
			if h.prepare != nil {
				return true
			}
		}
	}
	return false
}

// identity of a deferred event.
type identity struct {
	consumer string
	kind     frame.Kind
	subject  string
	ordinal  uint32
}

func (s stored) identity() identity {
	return identity{consumer: s.consumer, kind: s.envelope.kind, subject: s.envelope.event.GetSubject(), ordinal: s.envelope.event.GetOrdinal()}
}

// prepareDeferred prepares the due events before any of them is claimed. It leaves out those it has no time for.
func (e *Engine) prepareDeferred(ctx context.Context) (map[identity]preparation, error) {
	if !e.prepares() {
		return nil, nil //nolint:nilnil // nothing to prepare
	}
	due, err := readDeferred(ctx, e.deps.Journal.DB(), deferralBatch, "")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, txDeadline)
	defer cancel()
	prepared := make(map[identity]preparation, len(due))
	for _, s := range due {
		h, ok := e.handlerOf(s)
		if !ok || h.prepare == nil {
			continue
		}
		p := e.prepared(ctx, h, s.envelope)
		if ctx.Err() != nil {
			break
		}
		prepared[s.identity()] = p
	}
	return prepared, nil
}

// take gives a claimed event its preparation; false if the event needs one that was not made.
func (e *Engine) take(s *stored, prepared map[identity]preparation) bool {
	h, ok := e.handlerOf(*s)
	if !ok || h.prepare == nil {
		return true
	}
	s.envelope.prepared = prepared[s.identity()]
	return s.envelope.prepared.done
}

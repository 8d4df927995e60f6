package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/fault"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/work"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// Bounds of one consumer transaction, found by measuring. Its deadline is below the bus's AckWait.
const (
	maxBatchEvents   = 1000
	maxBatchBytes    = 512 << 10
	txDeadline       = 20 * time.Second
	maxRedelivery    = 30 * time.Second
	suspectDelivered = 5
	expressRest      = 10 * time.Millisecond
	bulkRest         = 50 * time.Millisecond
	// lookAgain is the pause before looking again for a consumer that is gone.
	lookAgain = 2 * time.Second
)

// Engine runs the consumers of one unit.
type Engine struct {
	deps Deps
	gone missing

	frames, duplicates, deferrals, parkings, retries, forgeries, panics metric.Int64Counter
}

// Deps of an engine; all but Slots are required.
type Deps struct {
	Unit    string
	Journal *journal.Journal
	// Keys check that a frame was made by its producer.
	Keys  *journal.ReaderKeys
	Clock clock.Clock
	// Trusted reports whether the clock may be believed.
	Trusted func() bool
	// Slots share the processors among the work of the process; with nil, all work begins at once.
	Slots     *work.Slots
	Consumers []Consumer
	Log       *slog.Logger
	Tracer    trace.Tracer
	Meter     metric.Meter
}

// New makes the engine of a unit.
func New(d Deps) (*Engine, error) {
	e := &Engine{deps: d}
	names := map[string]bool{}
	for _, c := range d.Consumers {
		if c.Purpose == "" || strings.ContainsAny(c.Purpose, ". ") || names[c.Purpose] {
			return nil, fmt.Errorf("consumer %q of %s: purpose is empty, malformed or given twice", c.Purpose, d.Unit)
		}
		names[c.Purpose] = true
		for _, h := range c.Handlers {
			if h.kind.Unit() != c.From {
				return nil, fmt.Errorf("consumer %s of %s reads %s, which is not of %s", c.Purpose, d.Unit, h.kind, c.From)
			}
		}
	}
	made := telemetry.NewInstruments(d.Meter)
	e.frames = made.Counter("naru.inbox.frames", "", "Frames whose effect was committed.")
	e.duplicates = made.Counter("naru.inbox.duplicates", "", "Frames delivered again after their effect was committed.")
	e.deferrals = made.Counter("naru.inbox.deferrals", "", "Events put off until their missing half comes.")
	e.parkings = made.Counter("naru.inbox.parkings", "", "Events given to an operator.")
	e.retries = made.Counter("naru.inbox.retries", "", "Batches given back to the bus for later.")
	e.forgeries = made.Counter("naru.inbox.forged.frames", "", "Frames on the bus that their unit did not make: parked, consumed by nobody.")
	e.panics = made.Counter("naru.inbox.panics", "", "Panics of handlers, taken as failures of what they handled.")
	made.Gauges(func(context.Context) ([]float64, error) {
		return []float64{float64(len(e.gone.names()))}, nil
	}, telemetry.Gauge{Name: "naru.inbox.consumers.gone", About: "Consumers that were deleted under the running unit."})
	observeBacklog(made, d.Journal.DB())
	return e, made.Err()
}

// Source of frames: a bus connection.
type Source interface {
	Subscribe(ctx context.Context, spec bus.ConsumerSpec, lane platformv1.Lane, out chan<- bus.Message) (*bus.Subscription, error)
}

// Tasks run every consumer in every lane, and the loop over deferred events.
func (e *Engine) Tasks(source Source) []lifecycle.Task {
	tasks := []lifecycle.Task{e.deferralTask()}
	for _, c := range e.deps.Consumers {
		for _, lane := range frame.Lanes() {
			tasks = append(tasks, lifecycle.Task{
				Name: "consume-" + c.Spec(e.deps.Unit).Name(lane),
				Run:  func(ctx context.Context) error { return e.consume(ctx, source, c, lane) },
			})
		}
	}
	return tasks
}

// consume follows a consumer while the unit runs. When the consumer or its stream was deleted, the unit reports itself not ready
// and looks for it until somebody has made it again.
func (e *Engine) consume(ctx context.Context, source Source, c Consumer, lane platformv1.Lane) error {
	name := c.Spec(e.deps.Unit).Name(lane)
	for {
		err := e.follow(ctx, source, c, lane)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		e.gone.set(name, true)
		e.deps.Log.LogAttrs(ctx, slog.LevelError, "consumer is gone, looking for it", slog.String("consumer", name), slog.Any("error", err))
		if err := lifecycle.Wait(ctx, lookAgain); err != nil {
			return err
		}
	}
}

// follow reads a consumer until the context ends or nothing more can come.
func (e *Engine) follow(ctx context.Context, source Source, c Consumer, lane platformv1.Lane) error {
	messages := make(chan bus.Message)
	sub, err := source.Subscribe(ctx, c.Spec(e.deps.Unit), lane, messages)
	if err != nil {
		return err
	}
	e.gone.set(c.Spec(e.deps.Unit).Name(lane), false)
	defer func() {
		drainCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		sub.Drain(drainCtx)
	}()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		batch, ok := e.gather(ctx, lane, messages, sub.Closed(), rest.C)
		if !ok {
			return errGone
		}
		e.deps.Slots.Do(ctx, lane, func() {
			began := e.deps.Clock.Now()
			e.settle(ctx, c, batch)
			rest.Reset(min(e.deps.Clock.Now().Sub(began), restOf(lane)))
		})
	}
}

// restOf bounds the pause between two transactions of a consumer. The pause is as long as the last transaction took, but not
// longer than this.
func restOf(lane platformv1.Lane) time.Duration {
	if lane == platformv1.Lane_LANE_BULK {
		return bulkRest
	}
	return expressRest
}

var errGone = errors.New("nothing more comes from it")

// Ready returns an error that names the consumers that are gone.
func (e *Engine) Ready() error {
	if names := e.gone.names(); len(names) > 0 {
		return fmt.Errorf("consumers are gone: %s", strings.Join(names, ", "))
	}
	return nil
}

// missing are the consumers that are gone.
type missing struct {
	mu   sync.Mutex
	gone map[string]bool
}

func (m *missing) set(name string, gone bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.gone == nil {
		m.gone = map[string]bool{}
	}
	if gone {
		m.gone[name] = true
	} else {
		delete(m.gone, name)
	}
}

func (m *missing) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.gone))
}

// gather waits for one message and takes all others that are there. A consumer that has just committed rests first and gathers
// meanwhile. Without the rest, the many small frames of single sends and viewings would cost one transaction each, because their
// producers commit as fast. A consumer that was idle begins at once.
func (e *Engine) gather(ctx context.Context, lane platformv1.Lane, messages <-chan bus.Message, closed <-chan struct{}, rested <-chan time.Time) ([]arrival, bool) {
	var batch []arrival
	var events, size int
	take := func(m bus.Message) {
		a := arrival{message: m}
		a.frame, a.tag, a.err = frame.Read(m.Header(), m.Body(), e.deps.Unit)
		batch = append(batch, a)
		events += a.frame.Count
		size += len(a.frame.Body)
	}
	select {
	case <-ctx.Done():
		return nil, false
	case <-closed:
		return nil, false
	case m := <-messages:
		take(m)
	}
	most := e.deps.Slots.Piece(lane, maxBatchEvents)
	for resting := true; events < most && size < maxBatchBytes; {
		if resting {
			select {
			case m := <-messages:
				take(m)
			case <-rested:
				resting = false
			}
			continue
		}
		select {
		case m := <-messages:
			take(m)
		default:
			return batch, true
		}
	}
	return batch, true
}

// arrival is a message read as a frame.
type arrival struct {
	message bus.Message
	frame   frame.Frame
	tag     []byte
	err     error
}

// settle finishes a batch: each frame is acknowledged, or given back for later.
func (e *Engine) settle(ctx context.Context, c Consumer, batch []arrival) {
	var frames []frame.Frame
	suspect := false
	batch = e.authentic(ctx, c, batch)
	for _, a := range batch {
		frames = append(frames, a.frame)
		suspect = suspect || a.message.Deliveries() >= suspectDelivered
		_ = a.message.InProgress() // only prolongs; without it AckWait still is longer than a transaction may be
	}
	err := e.process(ctx, c, frames, suspect)
	for _, a := range batch {
		if err == nil {
			e.acknowledge(ctx, a)
			continue
		}
		delay := min(time.Second<<min(a.message.Deliveries()-1, 10), maxRedelivery)
		_ = a.message.Later(delay) // if this is lost, AckWait gives it back
	}
	if err != nil && ctx.Err() == nil {
		e.retries.Add(ctx, 1)
		e.deps.Log.LogAttrs(ctx, slog.LevelWarn, "batch given back for later", slog.String("consumer", c.Purpose),
			slog.Int("frames", len(frames)), slog.Any("error", err))
	}
}

// process commits the effect of frames. An error means that nothing of what is left was committed and that the same frames must
// be delivered again, because the database or something a handler needs is away. Any other failure is caused by an event: it is
// found by halving the batch and parked at once, so that it does not hold up the others.
func (e *Engine) process(ctx context.Context, c Consumer, frames []frame.Frame, oneByOne bool) error {
	if len(frames) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, txDeadline)
	defer cancel()
	opened := open(frames)
	if err := e.prepare(ctx, c, opened, oneByOne); err != nil {
		if pg.Passing(err) || isPutOff(err) {
			return err
		}
		return e.process(ctx, c, frames, true)
	}
	err := e.commit(ctx, c, frames, opened, oneByOne)
	switch {
	case err == nil:
		return nil
	case oneByOne || pg.Passing(err) || isPutOff(err):
		return err
	case len(frames) == 1:
		return e.commit(ctx, c, frames, opened, true)
	}
	half := len(frames) / 2
	return errors.Join(e.process(ctx, c, frames[:half], false), e.process(ctx, c, frames[half:], false))
}

// isPutOff reports that something the handler needs beside the database is not available now: a trustworthy clock, or a data key
// of another unit.
func isPutOff(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.Exhausted
}

func (e *Engine) commit(ctx context.Context, c Consumer, frames []frame.Frame, opened []openedFrame, oneByOne bool) error {
	ctx, span := e.deps.Tracer.Start(ctx, "consume "+c.Purpose, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(attribute.Int("messaging.batch.message_count", len(frames))))
	defer span.End()
	var consumed int
	err := e.deps.Journal.InTx(ctx, func(tx *journal.Tx) error {
		isNew, err := insertConsumed(ctx, tx, c.Purpose, frames)
		if err != nil {
			return err
		}
		consumed = len(isNew)
		envelopes, undecodable := fresh(opened, isNew)
		for _, f := range undecodable {
			if err := parkFrame(ctx, tx, c.Purpose, f, "frame_undecodable"); err != nil {
				return err
			}
		}
		finish := e.trace(ctx, c, envelopes)
		defer finish()
		return e.handle(ctx, tx, c, envelopes, oneByOne)
	})
	if err != nil {
		return err
	}
	e.frames.Add(ctx, int64(consumed), metric.WithAttributes(attribute.String("consumer", c.Purpose)))
	e.duplicates.Add(ctx, int64(len(frames)-consumed), metric.WithAttributes(attribute.String("consumer", c.Purpose)))
	return nil
}

// handle gives the events to their handlers, one kind after the other, and stores the verdicts.
func (e *Engine) handle(ctx context.Context, tx *journal.Tx, c Consumer, envelopes []envelope, oneByOne bool) error {
	for _, h := range c.Handlers {
		var of []envelope
		for _, env := range envelopes {
			if env.kind == h.kind {
				of = append(of, env)
			}
		}
		if len(of) == 0 {
			continue
		}
		if oneByOne {
			slices.SortStableFunc(of, bySubject)
		}
		verdicts, err := e.verdicts(ctx, tx, h, of, oneByOne)
		if err != nil {
			return fmt.Errorf("handle %d of %s: %w", len(of), h.kind, err)
		}
		if err := e.record(ctx, tx, c.Purpose, of, verdicts); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) verdicts(ctx context.Context, tx *journal.Tx, h Handler, of []envelope, oneByOne bool) ([]Verdict, error) {
	if !oneByOne {
		return e.safely(ctx, h, tx, of)
	}
	verdicts := make([]Verdict, len(of))
	for i := range of {
		err := tx.Savepoint(ctx, func(tx *journal.Tx) error {
			one, err := e.safely(ctx, h, tx, of[i:i+1])
			if err == nil {
				verdicts[i] = one[0]
			}
			return err
		})
		switch {
		case err == nil:
		case pg.Passing(err):
			return nil, err
		case isPutOff(err):
			// The savepoint undid its effect. It is deferred alone, so that the others go on.
			e.deps.Log.LogAttrs(ctx, slog.LevelWarn, "event put off", slog.String("kind", string(h.kind)),
				slog.String("subject", of[i].event.GetSubject()), slog.Any("error", err))
			verdicts[i] = Defer("unavailable")
		default:
			e.deps.Log.LogAttrs(ctx, slog.LevelError, "event parked", slog.String("kind", string(h.kind)),
				slog.String("subject", of[i].event.GetSubject()), slog.Any("error", err))
			verdicts[i] = Park("handler_failed")
		}
	}
	return verdicts, nil
}

// trace gives each sampled event its own span under the event's context, so that one trace id goes from the request to the last
// consumer. Answers become children of that span. It returns the function that ends the spans.
func (e *Engine) trace(ctx context.Context, c Consumer, envelopes []envelope) (finish func()) {
	var spans []trace.Span
	for i := range envelopes {
		parent, ok := telemetry.Remote(ctx, envelopes[i].event.GetTraceparent())
		if !ok {
			continue
		}
		spanCtx, span := e.deps.Tracer.Start(parent, "consume "+string(envelopes[i].kind),
			trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(trace.LinkFromContext(ctx)),
			trace.WithAttributes(attribute.String("naru.consumer", c.Purpose), attribute.String("naru.subject", envelopes[i].event.GetSubject())))
		event, _ := proto.Clone(envelopes[i].event).(*platformv1.Event) // the transaction may be run again
		event.Traceparent = journal.Traceparent(spanCtx)
		envelopes[i].event = event
		spans = append(spans, span)
	}
	return func() {
		for _, span := range spans {
			span.End()
		}
	}
}

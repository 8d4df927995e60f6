package journal

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
)

const (
	// maxGroup bounds the callers of one transaction.
	maxGroup = 32
	// groupTimeout is the time one transaction has, and groupLock how long it waits for a row. No caller's own deadline undoes what others
	// wait for.
	groupTimeout = 5 * time.Second
	groupLock    = 100 * time.Millisecond
)

// Group is a short change that many callers make at the same time, each to rows of its own key: viewings, say. Those who come while a
// transaction is under way share the next: one commit, a few statements, one frame of each kind, and at every reader one transaction, for all of
// them. Where a shared transaction fails, each of its callers runs by itself: nobody's failure is another's.
type Group[T any] struct {
	journal *Journal
	key     func(of T) string
	write   func(ctx context.Context, tx *Tx, of []T) error

	mu      sync.Mutex
	waiting []*member[T]
	running bool
}

// NewGroup makes a group. write makes the changes of several callers, in the order of their keys and no key twice, puts what each is to be told
// into its T, and MUST be re-runnable, as for InTx. An error that only one of them is to be told goes there too. The facts it states carry
// the caller's Traceparent.
func NewGroup[T any](j *Journal, key func(of T) string, write func(ctx context.Context, tx *Tx, of []T) error) *Group[T] {
	return &Group[T]{journal: j, key: key, write: write}
}

// Commit makes one caller's change. What write has put into of may be read when it returns without an error.
func (g *Group[T]) Commit(ctx context.Context, of T) error {
	m := &member[T]{ctx: ctx, key: g.key(of), of: of, done: make(chan error, 1)}
	if g.join(m) {
		go g.run()
	}
	select {
	case err := <-m.done:
		if errors.Is(err, errAlone) {
			return g.journal.InTx(ctx, func(tx *Tx) error { return g.write(ctx, tx, []T{of}) })
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// member is one caller.
type member[T any] struct {
	ctx  context.Context
	key  string
	of   T
	done chan error
}

// join adds a caller and tells whether somebody has to be made run.
func (g *Group[T]) join(m *member[T]) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	first, g.running = !g.running, true
	return first
}

// take gives the next callers, in the order of their keys, as all do who lock several rows; none when nobody waits, and then the next caller
// begins anew. Another caller of the same key waits for the transaction after.
func (g *Group[T]) take() []*member[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	var taken, left []*member[T]
	keys := map[string]bool{}
	for _, m := range g.waiting {
		if len(taken) == maxGroup || keys[m.key] {
			left = append(left, m)
			continue
		}
		keys[m.key] = true
		taken = append(taken, m)
	}
	g.waiting, g.running = left, len(taken) > 0
	slices.SortFunc(taken, func(a, b *member[T]) int { return cmp.Compare(a.key, b.key) })
	return taken
}

// run commits one transaction after the other: whoever comes meanwhile is in the next, so they grow with the load.
func (g *Group[T]) run() {
	for taken := g.take(); len(taken) > 0; taken = g.take() {
		// The callers that have gone are skipped.
		taken = slices.DeleteFunc(taken, func(m *member[T]) bool { return m.ctx.Err() != nil })
		err := g.commit(taken)
		for _, m := range taken {
			m.done <- err
		}
	}
}

// errAlone tells a caller to run by itself.
var errAlone = errors.New("to be run alone")

func (g *Group[T]) commit(taken []*member[T]) (err error) {
	if len(taken) == 0 {
		return nil
	}
	defer func() {
		if recover() != nil { // whose panic it is shows when each runs where its caller stands
			err = errAlone
		}
	}()
	ctx := context.WithoutCancel(taken[0].ctx)
	if len(taken) > 1 {
		// It is of no one caller's trace: a fact without a trace of its own must not get another's.
		ctx = trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	}
	ctx, cancel := context.WithTimeout(ctx, groupTimeout)
	defer cancel()
	of := make([]T, len(taken))
	for i, m := range taken {
		of[i] = m.of
	}
	err = g.journal.InTx(ctx, func(tx *Tx) error {
		if len(of) > 1 {
			// A row that somebody else holds keeps its own caller waiting, alone.
			tx.LimitLockWait(groupLock)
		}
		return g.write(ctx, tx, of)
	})
	if err != nil && len(of) > 1 {
		return errAlone
	}
	return err
}

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
	// groupTimeout is the time for one transaction, and groupLock how long it waits for a row. They replace the deadlines of the
	// callers, because one caller's deadline must not undo the work of the others.
	groupTimeout = 5 * time.Second
	groupLock    = 100 * time.Millisecond
)

// Group is a short change that many callers make at the same time, each to rows of its own key, for example viewings. Callers
// that come while a transaction runs share the next one. So all of them cost one commit, a few statements, one frame of each
// kind, and one transaction at every reader. If a shared transaction fails, each of its callers runs alone: one caller's failure
// does not become another's.
type Group[T any] struct {
	journal *Journal
	key     func(of T) string
	write   func(ctx context.Context, tx *Tx, of []T) error

	mu      sync.Mutex
	waiting []*member[T]
	running bool
}

// NewGroup makes a group. write makes the changes of several callers, sorted by key, each key once. It puts each caller's result
// into its T, an error for that caller alone included, and MUST be re-runnable, as for InTx. The facts it states carry the
// caller's Traceparent.
func NewGroup[T any](j *Journal, key func(of T) string, write func(ctx context.Context, tx *Tx, of []T) error) *Group[T] {
	return &Group[T]{journal: j, key: key, write: write}
}

// Commit makes one caller's change. When it returns without an error, what write has put into of may be read.
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

// join adds a caller and reports whether the caller must start run.
func (g *Group[T]) join(m *member[T]) (first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	first, g.running = !g.running, true
	return first
}

// take returns the next callers, sorted by key, which is the order in which everybody locks several rows. It returns none when
// nobody waits; then the next caller starts run again. A second caller with the same key waits for the next transaction.
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

// run commits one transaction after the other. Callers that come meanwhile are in the next one, so transactions grow with the
// load.
func (g *Group[T]) run() {
	for taken := g.take(); len(taken) > 0; taken = g.take() {
		// Skip callers that have gone.
		taken = slices.DeleteFunc(taken, func(m *member[T]) bool { return m.ctx.Err() != nil })
		err := g.commit(taken)
		for _, m := range taken {
			m.done <- err
		}
	}
}

// errAlone tells a caller to run alone.
var errAlone = errors.New("to be run alone")

func (g *Group[T]) commit(taken []*member[T]) (err error) {
	if len(taken) == 0 {
		return nil
	}
	defer func() {
		if recover() != nil { // each caller then runs alone on its own stack, which shows who panics
			err = errAlone
		}
	}()
	ctx := context.WithoutCancel(taken[0].ctx)
	if len(taken) > 1 {
		// The transaction belongs to no single caller's trace: a fact without a trace must not get another caller's.
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
			// A caller whose row somebody else holds fails here and then waits alone.
			tx.LimitLockWait(groupLock)
		}
		return g.write(ctx, tx, of)
	})
	if err != nil && len(of) > 1 {
		return errAlone
	}
	return err
}

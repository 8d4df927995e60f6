package journal

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/naru-relay/naru/pkg/pg"
)

const (
	// maxTogether bounds the callers of one transaction.
	maxTogether = 32
	// togetherTimeout bounds what one caller adds to it, and togetherLock how long it waits for a row. No caller's own deadline undoes what others
	// wait for.
	togetherTimeout = 5 * time.Second
	togetherLock    = "100ms"
)

// Together runs fn as InTx does, in one transaction with what others ask for at the same time: one commit, one frame of each kind, and at every
// reader one transaction, for all of them. It is for short changes that many callers make at once, each to rows of its own key. fn gets
// the transaction's context and MUST NOT use another. Where the group fails, or one of it does, each is run by itself: nobody's failure is another's.
func (j *Journal) Together(ctx context.Context, key string, fn func(ctx context.Context, tx *Tx) error) error {
	m := &member{ctx: ctx, key: key, fn: fn, done: make(chan error, 1)}
	if j.together.join(m) {
		go j.runTogether()
	}
	select {
	case err := <-m.done:
		if errors.Is(err, errAlone) {
			return j.InTx(ctx, func(tx *Tx) error { return fn(ctx, tx) })
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// member is one caller of Together.
type member struct {
	ctx  context.Context
	key  string
	fn   func(ctx context.Context, tx *Tx) error
	done chan error
}

// joining are the callers that no transaction has taken yet.
type joining struct {
	mu      sync.Mutex
	members []*member
	running bool
}

// join adds a caller and tells whether somebody has to be made run.
func (w *joining) join(m *member) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.members = append(w.members, m)
	first, w.running = !w.running, true
	return first
}

// take gives the next group; none when nobody waits, and then the next caller begins anew.
func (w *joining) take() []*member {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.members), maxTogether)
	group := slices.Clone(w.members[:n])
	w.members = slices.Delete(w.members, 0, n)
	w.running = n > 0
	return group
}

// runTogether commits one group after the other: whoever comes meanwhile is in the next, so groups grow with the load.
func (j *Journal) runTogether() {
	for group := j.together.take(); len(group) > 0; group = j.together.take() {
		// The callers that have gone are skipped.
		group = slices.DeleteFunc(group, func(m *member) bool { return m.ctx.Err() != nil })
		err := j.commitGroup(group)
		for _, m := range group {
			m.done <- err
		}
	}
}

// errAlone tells a caller to run by itself.
var errAlone = errors.New("to be run alone")

// commitGroup runs a group in one transaction, in the order of its keys, as all do who lock several rows.
func (j *Journal) commitGroup(group []*member) (err error) {
	if len(group) == 0 {
		return nil
	}
	defer func() {
		if recover() != nil { // whose panic it is shows when each runs where its caller stands
			err = errAlone
		}
	}()
	slices.SortStableFunc(group, func(a, b *member) int { return cmp.Compare(a.key, b.key) })
	err = j.InTx(context.WithoutCancel(group[0].ctx), func(tx *Tx) error {
		if len(group) > 1 {
			// A row that somebody else holds keeps its own caller waiting, alone.
			if err := pg.LimitLockWait(context.WithoutCancel(group[0].ctx), tx, togetherLock); err != nil {
				return err
			}
		}
		for _, m := range group {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(m.ctx), togetherTimeout)
			err := m.fn(ctx, tx)
			cancel()
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && len(group) > 1 {
		return errAlone
	}
	return err
}

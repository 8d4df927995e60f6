// Package queue is a bounded queue that is fair between its users.
//
// Each entry belongs to a flow. Take serves the flows in turn, one entry each, so that a flow with a thousand entries delays
// another flow's single entry by one turn. Entries and bytes are bounded, for the whole queue and for each flow. Entries that do
// not fit are refused at once and all together; Put never waits.
package queue

import (
	"errors"
	"sync"
)

// Errors of Put.
var (
	// ErrFull: the entries do not fit now. Later they may.
	ErrFull = errors.New("queue is full")
	// ErrClosed: the queue takes nothing any more.
	ErrClosed = errors.New("queue is closed")
)

// Limits bound a queue.
type Limits struct {
	// Entries and Bytes of the whole queue.
	Entries, Bytes int
	// FlowEntries and FlowBytes of one flow.
	FlowEntries, FlowBytes int
}

// Entry is a value with its size in bytes.
type Entry[T any] struct {
	Value T
	Size  int
}

// Queue is safe for concurrent use.
type Queue[K comparable, T any] struct {
	limits Limits

	mu     sync.Mutex
	filled *sync.Cond
	flows  map[K]*flow[K, T]
	// turns are the flows that have entries, the next to be served first.
	turns   []*flow[K, T]
	entries int
	bytes   int
	closed  bool
}

type flow[K comparable, T any] struct {
	key     K
	entries []Entry[T]
	bytes   int
}

// New makes an empty queue.
func New[K comparable, T any](limits Limits) *Queue[K, T] {
	q := &Queue[K, T]{limits: limits, flows: make(map[K]*flow[K, T])}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// Put adds all entries to the end of a flow, or none of them.
func (q *Queue[K, T]) Put(key K, entries ...Entry[T]) error {
	size := 0
	for _, e := range entries {
		size += e.Size
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	f := q.flows[key]
	if f == nil {
		f = &flow[K, T]{key: key}
	}
	switch {
	case q.closed:
		return ErrClosed
	case q.entries+len(entries) > q.limits.Entries, q.bytes+size > q.limits.Bytes,
		len(f.entries)+len(entries) > q.limits.FlowEntries, f.bytes+size > q.limits.FlowBytes:
		return ErrFull
	case len(entries) == 0:
		return nil
	}
	if len(f.entries) == 0 {
		q.flows[key] = f
		q.turns = append(q.turns, f)
	}
	f.entries = append(f.entries, entries...)
	f.bytes += size
	q.entries += len(entries)
	q.bytes += size
	q.filled.Broadcast()
	return nil
}

// Take waits for an entry and takes others that are there, in turns between the flows, until fits refuses the next one. fits is
// asked once for each entry; the first entry is taken even if fits refuses it. Take returns nothing once the queue is closed and
// empty.
func (q *Queue[K, T]) Take(fits func(T) bool) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.entries == 0 {
		if q.closed {
			return nil
		}
		q.filled.Wait()
	}
	var taken []T
	for q.entries > 0 {
		f := q.turns[0]
		next := f.entries[0]
		if !fits(next.Value) && len(taken) > 0 {
			break
		}
		taken = append(taken, next.Value)
		f.entries[0] = Entry[T]{} // the array outlives the entry
		f.entries = f.entries[1:]
		f.bytes -= next.Size
		q.entries--
		q.bytes -= next.Size
		q.turns = q.turns[1:]
		if len(f.entries) > 0 {
			q.turns = append(q.turns, f)
		} else {
			delete(q.flows, f.key)
		}
	}
	return taken
}

// Close makes Put refuse, and makes Take end when nothing is left.
func (q *Queue[K, T]) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
}

// Len is the number of entries that wait.
func (q *Queue[K, T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries
}

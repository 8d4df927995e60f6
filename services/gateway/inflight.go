package gateway

import (
	"io"
	"slices"
	"sync"
	"time"
)

// maxWaiting bounds how many requests of one network address wait for room; further ones are refused at once.
const maxWaiting = 256

// inFlight bounds the bytes of requests that both doors hold at one time, in all and of one network address: what has
// arrived, not what is announced. A request waits for room a short time only. So that requests which are each half there do
// not wait for each other, one of those that wait has the turn: it is read to its end, whatever room there is.
type inFlight struct {
	room, share int64
	wait        time.Duration

	mu      sync.Mutex
	held    int64
	of      map[string]int64
	waiting []*waiter
	turn    *holding
}

// holding is what one request holds.
type holding struct {
	budget *inFlight
	origin string
	bytes  int64
	over   bool
	// unwanted is closed when nobody wants more of the request.
	unwanted chan struct{}
	once     sync.Once
}

type waiter struct {
	by      *holding
	bytes   int64
	granted chan struct{}
}

func newInFlight(c LimitsConfig) *inFlight {
	return &inFlight{room: c.BytesInFlight, share: c.BytesInFlightPerAddress, wait: c.Wait.Std(), of: make(map[string]int64)}
}

// from begins a request of a network address.
func (f *inFlight) from(origin string) *holding {
	return &holding{budget: f, origin: origin, unwanted: make(chan struct{})}
}

// take adds bytes to what the request holds, and waits for room. first says that this gave it the turn.
func (h *holding) take(bytes int64) (first bool, err error) {
	f := h.budget
	w, err := f.ask(h, bytes)
	if w == nil {
		return false, err
	}
	timer := time.NewTimer(f.wait)
	defer timer.Stop()
	select {
	case <-w.granted:
	case <-timer.C:
		err = overloaded(f.wait)
	case <-h.unwanted:
		err = io.ErrClosedPipe
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.waiting, w); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
		return false, err
	}
	return f.turn == h, nil
}

// ask takes the bytes, or gives what waits for them.
func (f *inFlight) ask(h *holding, bytes int64) (*waiter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case h.over:
		return nil, io.ErrClosedPipe
	case f.turn == h || f.fits(h, bytes):
		f.hold(h, bytes)
		return nil, nil //nolint:nilnil // nothing to wait for
	case f.waitingOf(h.origin) >= maxWaiting:
		return nil, overloaded(f.wait)
	}
	w := &waiter{by: h, bytes: bytes, granted: make(chan struct{})}
	f.waiting = append(f.waiting, w)
	f.grant()
	return w, nil
}

// leave ends waiting: nobody wants more of the request.
func (h *holding) leave() { h.once.Do(func() { close(h.unwanted) }) }

// whole passes the turn on when the request has arrived.
func (h *holding) whole() {
	f := h.budget
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pass(h)
}

// give gives back bytes of a message that was passed on; the request goes on.
func (h *holding) give(bytes int64) {
	f := h.budget
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.over {
		return
	}
	h.bytes -= bytes
	f.free(h, bytes)
}

// end gives back what the request holds.
func (h *holding) end() {
	h.leave()
	f := h.budget
	f.mu.Lock()
	defer f.mu.Unlock()
	h.over = true
	f.waiting = slices.DeleteFunc(f.waiting, func(w *waiter) bool { return w.by == h })
	held := h.bytes
	h.bytes = 0
	f.free(h, held)
}

// free makes room of bytes that a request held, and passes its turn on.
func (f *inFlight) free(h *holding, bytes int64) {
	f.held -= bytes
	if f.of[h.origin] -= bytes; f.of[h.origin] == 0 {
		delete(f.of, h.origin)
	}
	f.pass(h)
	f.grant()
}

func (f *inFlight) pass(h *holding) {
	if f.turn == h {
		f.turn = nil
		f.grant()
	}
}

func (f *inFlight) fits(h *holding, bytes int64) bool {
	return f.held+bytes <= f.room && f.of[h.origin]+bytes <= f.share
}

func (f *inFlight) hold(h *holding, bytes int64) {
	f.held += bytes
	f.of[h.origin] += bytes
	h.bytes += bytes
}

func (f *inFlight) waitingOf(origin string) (n int) {
	for _, w := range f.waiting {
		if w.by.origin == origin {
			n++
		}
	}
	return n
}

// grant lets go on who has room now, in the order of coming, and gives the turn to the address that holds least.
func (f *inFlight) grant() {
	f.waiting = slices.DeleteFunc(f.waiting, func(w *waiter) bool {
		if !f.fits(w.by, w.bytes) {
			return false
		}
		f.hold(w.by, w.bytes)
		close(w.granted)
		return true
	})
	if f.turn != nil || len(f.waiting) == 0 {
		return
	}
	least := slices.MinFunc(f.waiting, func(a, b *waiter) int { return int(f.of[a.by.origin] - f.of[b.by.origin]) })
	f.turn = least.by
	f.hold(least.by, least.bytes)
	close(least.granted)
	f.waiting = slices.DeleteFunc(f.waiting, func(w *waiter) bool { return w == least })
}

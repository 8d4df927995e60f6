package work

import "sync"

// outageCalls is how many calls in a row must have come to nothing for an outage.
const outageCalls = 3

// Outage notices the end of a time in which a destination took nothing. What waits for it then waits out a pause of its own; at
// the end none of that has a reason left, and should be made due. A process begins as in an outage: it does not know what was
// before.
type Outage struct {
	mu   sync.Mutex
	good bool
	bad  int
}

// Saw counts a call, and reports whether an outage ends with it.
func (o *Outage) Saw(took bool) (over bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !took {
		o.bad++
		return false
	}
	over = !o.good || o.bad >= outageCalls
	o.good, o.bad = true, 0
	return over
}

// Missed: the end of the outage was not acted upon, so the next good call ends it again.
func (o *Outage) Missed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.good = false
}

package work

// Bell lets the loop of this replica look for work before its interval is over: a Loop's Wake.
type Bell chan struct{}

// NewBell makes one that keeps a single announcement.
func NewBell() Bell { return make(Bell, 1) }

// Ring announces work. It never waits.
func (b Bell) Ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

package work

// Bell tells the loop of this replica to look for work before its interval is over; it is a Loop's Wake.
type Bell chan struct{}

// NewBell makes a bell that remembers one announcement.
func NewBell() Bell { return make(Bell, 1) }

// Ring announces work. It never waits.
func (b Bell) Ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

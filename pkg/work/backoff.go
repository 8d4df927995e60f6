package work

import (
	"math"
	"time"
)

// Backoff says how long to wait after an attempt. The zero value waits 1 s, doubles to 5 min, and spreads the upper half of each
// wait.
type Backoff struct {
	// First is the wait after the first attempt; 0 means 1 s.
	First time.Duration
	// Max bounds the wait; 0 means 5 min.
	Max time.Duration
	// Factor by which each wait is longer than the one before; 0 means 2.
	Factor float64
	// Jitter is the share of a wait that is left to chance, above 0 up to 1; 0 means 0.5.
	Jitter float64
}

// Delay is the wait after attempt (1, 2, …). random is from [0, 1), drawn by the caller; for a given random the result is fixed
// and lies in (delay·(1-Jitter), delay].
func (b Backoff) Delay(attempt int, random float64) time.Duration {
	if b.First == 0 {
		b.First = time.Second
	}
	if b.Max == 0 {
		b.Max = 5 * time.Minute
	}
	if b.Factor == 0 {
		b.Factor = 2
	}
	if b.Jitter == 0 {
		b.Jitter = 0.5
	}
	full := float64(b.First) * math.Pow(b.Factor, float64(max(attempt, 1)-1))
	full = math.Min(full, float64(b.Max)) // also catches infinity
	return time.Duration(full * (1 - b.Jitter*random))
}

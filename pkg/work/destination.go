package work

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// ErrBlocked says that a destination was not called: it failed too often lately, or as many calls as allowed are under way. The
// work should be put back without counting the attempt.
var ErrBlocked = errors.New("the destination is blocked for now")

// Limits of each destination.
type Limits struct {
	// Concurrent calls to one destination; 0 means 4.
	Concurrent int
	// Failures in a row after which a destination is left alone; 0 means 5.
	Failures uint32
	// Pause is how long it is left alone; then one call tries it. 0 means 30 s.
	Pause time.Duration
	// Counts reports whether an error is the destination's failure. The default counts every error except the caller's own
	// cancellation. A destination that answers and refuses the content has not failed.
	Counts func(err error) bool
	// Changed, if set, is told when a destination is blocked or free again.
	Changed func(destination string, blocked bool)
}

// Destinations is a circuit breaker and a concurrency limit for each destination by name. It keeps only those that are in use or
// failing.
type Destinations struct {
	limits Limits

	mu     sync.Mutex
	byName map[string]*destination
}

type destination struct {
	breaker *gobreaker.CircuitBreaker[struct{}]
	running int
}

// NewDestinations applies the limits to each destination by itself.
func NewDestinations(limits Limits) *Destinations {
	if limits.Concurrent == 0 {
		limits.Concurrent = 4
	}
	if limits.Failures == 0 {
		limits.Failures = 5
	}
	if limits.Pause == 0 {
		limits.Pause = 30 * time.Second
	}
	if limits.Counts == nil {
		limits.Counts = func(err error) bool { return !errors.Is(err, context.Canceled) }
	}
	return &Destinations{limits: limits, byName: map[string]*destination{}}
}

// Call makes a call to a destination, or returns ErrBlocked without making it.
func (d *Destinations) Call(ctx context.Context, name string, call func(ctx context.Context) error) error {
	dest := d.enter(name)
	if dest == nil {
		return ErrBlocked
	}
	defer d.leave(name, dest)
	_, err := dest.breaker.Execute(func() (struct{}, error) { return struct{}{}, call(ctx) })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return ErrBlocked
	}
	return err
}

// Blocked names the destinations that would not be called now, sorted. A claim should leave out their work.
func (d *Destinations) Blocked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := []string{} // not nil: "<> all (null)" is never true
	for name, dest := range d.byName {
		half := dest.breaker.State() == gobreaker.StateHalfOpen && dest.running > 0
		if dest.breaker.State() == gobreaker.StateOpen || half || dest.running >= d.limits.Concurrent {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (d *Destinations) enter(name string) *destination {
	d.mu.Lock()
	defer d.mu.Unlock()
	dest := d.byName[name]
	if dest == nil {
		dest = &destination{breaker: gobreaker.NewCircuitBreaker[struct{}](d.settings(name))}
		d.byName[name] = dest
	}
	if dest.running >= d.limits.Concurrent {
		return nil
	}
	dest.running++
	return dest
}

// leave forgets a destination that has not failed: its breaker has nothing to remember.
func (d *Destinations) leave(name string, dest *destination) {
	d.mu.Lock()
	defer d.mu.Unlock()
	dest.running--
	if dest.running == 0 && dest.breaker.State() == gobreaker.StateClosed && dest.breaker.Counts().ConsecutiveFailures == 0 {
		delete(d.byName, name)
	}
}

func (d *Destinations) settings(name string) gobreaker.Settings {
	return gobreaker.Settings{
		Name:         name,
		MaxRequests:  1,
		Timeout:      d.limits.Pause,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= d.limits.Failures },
		IsSuccessful: func(err error) bool { return err == nil || !d.limits.Counts(err) },
		OnStateChange: func(name string, from, to gobreaker.State) {
			if d.limits.Changed == nil || from == gobreaker.StateOpen && to == gobreaker.StateHalfOpen {
				return // trying is not yet free
			}
			if from == gobreaker.StateHalfOpen && to == gobreaker.StateOpen {
				return // still blocked
			}
			d.limits.Changed(name, to == gobreaker.StateOpen)
		},
	}
}

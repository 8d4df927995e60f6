package scenario

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/naru-relay/naru/pkg/fault"
)

// domain is the error domain of the scenario admin API.
const domain = "sandbox"

// Reason is the reason of a sandbox system's fault.
type Reason string

// String returns the reason as problem documents carry it.
func (r Reason) String() string { return "REASON_" + string(r) }

const (
	reasonInvalid      Reason = "SCENARIO_INVALID"
	reasonNotFound     Reason = "SCENARIO_NOT_FOUND"
	reasonAdminRefused Reason = "ADMIN_TOKEN_REFUSED"
)

// Set holds the scenarios of one sandbox system. The zero value is not usable; see NewSet.
type Set struct {
	active atomic.Int64
	mu     sync.Mutex
	byID   map[string]*Scenario
}

// facts describe one call or item to which a scenario may apply.
type facts struct {
	method, path, key string
	item              int
}

// NewSet returns an empty set: a system that behaves well.
func NewSet() *Set {
	return &Set{byID: map[string]*Scenario{}}
}

// Put adds a scenario, or replaces the one with the same id. Its counts start at zero. An invalid scenario is a fault of kind
// Invalid that names the field.
func (s *Set) Put(sc Scenario) error {
	if field, rule := sc.check(); field != "" {
		return fault.New(fault.Invalid, domain, reasonInvalid, "the scenario is not valid",
			fault.WithViolations(fault.Violation{Field: field, Rule: "scenario", Message: rule}))
	}
	if sc.Times == 0 {
		sc.Times = 1
	}
	sc.Seen, sc.Taken = 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byID[sc.ID] = &sc
	s.active.Store(int64(len(s.byID)))
	return nil
}

// Delete removes one scenario and reports whether it existed.
func (s *Set) Delete(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.byID[id]
	delete(s.byID, id)
	s.active.Store(int64(len(s.byID)))
	return ok
}

// Clear removes all scenarios.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.byID)
	s.active.Store(0)
}

// List returns copies of all scenarios in the order of their ids, including used-up ones.
func (s *Set) List() []Scenario {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Scenario, 0, len(s.byID))
	for _, sc := range s.byID {
		out = append(out, *sc)
	}
	slices.SortFunc(out, func(a, b Scenario) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Take looks for a business level scenario of this kind for a business key (edoc number, address, document id; may be empty), and
// counts it as taken if there is one.
func (s *Set) Take(kind Kind, key string) (Scenario, bool) {
	return s.take(facts{key: key}, kind)
}

// TakeItem is Take for one item of a batch, counted from 1.
func (s *Set) TakeItem(kind Kind, key string, item int) (Scenario, bool) {
	return s.take(facts{key: key, item: item}, kind)
}

// TakeCall is Take for a scenario that applies to a whole call.
func (s *Set) TakeCall(kind Kind, method, path string) (Scenario, bool) {
	return s.take(facts{method: method, path: path}, kind)
}

// take finds the scenario with the lowest id that applies and is not used up. Every scenario that matches counts the match, so
// that "skip" does not depend on how many scenarios exist.
func (s *Set) take(f facts, kinds ...Kind) (Scenario, bool) {
	if s.active.Load() == 0 {
		return Scenario{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var hit *Scenario
	for _, sc := range s.byID {
		if !slices.Contains(kinds, sc.Kind) || !sc.Match.matches(f) {
			continue
		}
		sc.Seen++
		ready := sc.Seen > sc.Skip && (sc.Forever || sc.Taken < sc.Times)
		if ready && (hit == nil || sc.ID < hit.ID) {
			hit = sc
		}
	}
	if hit == nil {
		return Scenario{}, false
	}
	hit.Taken++
	return *hit, true
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/naru-relay/naru/e2e/harness"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	// grace is what draining may take beside the time that the size of the backlog needs.
	grace     = time.Minute
	drainLook = 500 * time.Millisecond
	// askAtOnce is how many documents one question for their status names.
	askAtOnce = 100
)

// statuses reads what the sender is told of its documents.
func (l *load) statuses(ctx context.Context, promises []*promise) (map[string]harness.Status, error) {
	found := map[string]harness.Status{}
	for some := range slices.Chunk(promises, askAtOnce) {
		numbers := make([]string, len(some))
		for n, p := range some {
			numbers[n] = p.number
		}
		var answer struct{ Statuses []harness.Status }
		if err := persist(ctx, func(ctx context.Context) error {
			return call(ctx, l.institution.Caller, http.MethodPost, "/v1/documents:batchGet", map[string]any{"edocNums": numbers}, &answer)
		}); err != nil {
			return nil, err
		}
		for _, s := range answer.Statuses {
			found[s.EdocNum] = s
		}
	}
	return found, nil
}

// accepted are the documents that have a number.
func (l *load) accepted() []*promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.promises)
}

// complete: the document is where it has to come to, and so is its reading.
func (p *promise) complete(s harness.Status) bool {
	return s.Registered() && (s.State == "DOCUMENT_STATE_READ" && s.ReadTimeRegistered() || s.State == "DOCUMENT_STATE_RECEIVED" && !p.viewed)
}

// unfinished are those of the documents that are not complete.
func (l *load) unfinished(ctx context.Context, of []*promise) ([]*promise, map[string]int, error) {
	found, err := l.statuses(ctx, of)
	if err != nil {
		return nil, nil, err
	}
	states, left := map[string]int{}, []*promise(nil)
	for _, p := range of {
		if s := found[p.number]; !p.complete(s) {
			left = append(left, p)
			states[fmt.Sprintf("%s, hub %d, read %d, queued %t", s.State, s.Hub.RegistrationResult, s.Hub.ReadTimeResult, s.Hub.Queued)]++
		}
	}
	return left, states, nil
}

// drain waits until all that was accepted is complete. What is left when ctx ends is told by its states.
func (l *load) drain(ctx context.Context) error {
	left, states := l.accepted(), map[string]int(nil)
	for {
		still, now, err := l.unfinished(ctx, left)
		if err == nil {
			left, states = still, now
			if len(left) == 0 {
				return nil
			}
		}
		if lifecycle.Wait(ctx, drainLook) != nil {
			return fmt.Errorf("%d documents are not complete in time: %v", len(left), states)
		}
	}
}

// warmUp measures how many documents a second the relay completes by itself.
func (l *load) warmUp(ctx context.Context, batches int, now func() time.Time) (perSecond float64, err error) {
	begun := now()
	for n := range batches {
		if err := l.sendOne(ctx, n%recipients, batchSize); err != nil {
			return 0, err
		}
	}
	if err := l.drain(ctx); err != nil {
		return 0, err
	}
	return float64(batches*batchSize) / now().Sub(begun).Seconds(), nil
}

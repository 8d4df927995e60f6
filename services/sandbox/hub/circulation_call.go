package hub

import (
	"context"
	"slices"

	"github.com/naru-relay/naru/services/sandbox/scenario"
)

type batchAnswer struct {
	result
	Circulations []itemResult `json:"circulations"`
}

// registerCirculations serves POST /api/circulation. If two items of a batch have the same number, the first is registered and
// the other gets result 2.
func (s *System) registerCirculations(ctx context.Context, c call) (any, error) {
	number := func(it *circulationItem) *string { return &it.EdocNum }
	judge := func(it *circulationItem) int { return s.judge(it, c.platformID) }
	return register(ctx, s, c, number, judge, s.insertCirculations)
}

// registerReadTimes serves PATCH /api/circulation. The first read time of a document stays.
func (s *System) registerReadTimes(ctx context.Context, c call) (any, error) {
	return register(ctx, s, c, func(it *readItem) *string { return &it.EdocNum }, s.judgeReading, s.updateReadTimes)
}

// register gives each item of a batch the result of a scenario or of the check of its form. store finds the results of the
// remaining items.
func register[T any](ctx context.Context, s *System, c call, number func(*T) *string, judge func(*T) int,
	store func(ctx context.Context, callerID string, items []T, open []int, results []itemResult) error,
) (any, error) {
	body, err := readJSONBody(c, s.config.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	items, results, err := readBatch(body, number)
	if err != nil {
		return nil, err
	}
	s.exchanges.items(c.r, len(items))
	var open []int
	for i := range items {
		if results[i].Result == 0 {
			results[i].Result = s.forced(results[i].EdocNum, i)
		}
		if results[i].Result == 0 {
			results[i].Result = judge(&items[i])
		}
		if results[i].Result == 0 {
			open = append(open, i)
		}
	}
	if err := store(ctx, c.platformID, items, open, results); err != nil {
		return nil, err
	}
	return s.batchAnswer(results), nil
}

// forced returns the result that a scenario forces for the item at index i, or 0.
func (s *System) forced(edocNum string, i int) int {
	sc, ok := s.Scenarios.TakeItem(scenario.ItemResult, edocNum, i+1)
	if !ok {
		return 0
	}
	return sc.Result
}

// batchAnswer keeps the order of the request, unless a scenario changes it.
func (s *System) batchAnswer(results []itemResult) batchAnswer {
	if sc, ok := s.Scenarios.Take(scenario.MissingItems, ""); ok {
		results = results[:max(0, len(results)-max(1, sc.Count))]
	}
	if _, ok := s.Scenarios.Take(scenario.WrongOrder, ""); ok {
		slices.Reverse(results)
	}
	return batchAnswer{result: success, Circulations: results}
}

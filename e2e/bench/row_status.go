package main

import (
	"context"
	"fmt"
	"net/http"
)

const statusName = "status"

// statusRow reads the status of a document by its number over REST.
func statusRow() row {
	return row{name: statusName, lines: []line{least("status by number over REST", 0.6, "answers/s "+ofFloor)}, measure: measureStatus}
}

func measureStatus(ctx context.Context, b *bench, lines []line) ([]line, error) {
	numbers, _, err := b.ready(ctx, "asked", b.options.viewings)
	if err != nil {
		return nil, err
	}
	r := b.stack.rest()
	defer r.close()
	t, err := b.turns(ctx, statusName, func(ctx context.Context, turn int) (round, error) {
		return b.calls(ctx, fmt.Sprintf("%s-%d", statusName, turn+1), b.options.statuses, func(ctx context.Context, i int) error {
			bearer, err := b.chain.sender.bearer(ctx)
			if err != nil {
				return err
			}
			return r.call(ctx, bearer, http.MethodGet, "/v1/documents/"+numbers[i%len(numbers)], nil, nil)
		})
	})
	if err != nil {
		return nil, err
	}
	lines[0] = lines[0].is(t.Ratio)
	return lines, nil
}

package main

import (
	"context"
	"fmt"
	"sync"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const viewingName = "viewing"

// viewingRow measures only viewing over REST (issue, verify, report) for documents that are complete.
func viewingRow() row {
	return row{name: viewingName, lines: []line{least("viewing alone over REST", 0.15, "viewings/s "+ofFloor)}, measure: measureViewing}
}

func measureViewing(ctx context.Context, b *bench, lines []line) ([]line, error) {
	v, err := b.chain.viewers()
	if err != nil {
		return nil, err
	}
	defer v.rest.close()
	t, err := b.turns(ctx, viewingName, func(ctx context.Context, turn int) (round, error) {
		if err := v.logIn(ctx, b.options.viewings); err != nil {
			return round{}, err
		}
		numbers, items, err := b.ready(ctx, fmt.Sprintf("ready-%d", turn+1), b.options.viewings)
		if err != nil {
			return round{}, err
		}
		return b.calls(ctx, fmt.Sprintf("%s-%d", viewingName, turn+1), len(numbers), func(ctx context.Context, i int) error {
			return v.view(ctx, b.chain.recipientOf(items[i]), numbers[i], items[i])
		})
	})
	if err != nil {
		return nil, err
	}
	lines[0] = lines[0].is(t.Ratio)
	return lines, nil
}

// ready sends documents and waits until they are complete. This is not measured.
func (b *bench) ready(ctx context.Context, name string, documents int) (numbers []string, items []*intakev1.SendItem, err error) {
	batches, err := b.chain.batches(ctx, b.chain.sender, name, 0, documents, batchItems)
	if err != nil {
		return nil, nil, err
	}
	_, err = b.chain.round(ctx, journey{name: name, documents: documents, far: complete, travel: func(ctx context.Context, f *follower, d *followed) (err error) {
		var mu sync.Mutex
		d.Counts.Accepted, d.Retries, err = b.chain.send(ctx, b.chain.sender, listed(batches), func(s sent) {
			mu.Lock()
			defer mu.Unlock()
			numbers, items = append(numbers, s.numbers...), append(items, s.items...)
		})
		return err
	}})
	return numbers, items, err
}

// calls measures a round of count calls over the REST connections, then waits until all resulting work is done.
func (b *bench) calls(ctx context.Context, name string, count int, do func(ctx context.Context, i int) error) (round, error) {
	before, err := b.stack.mark(ctx)
	if err != nil {
		return round{}, err
	}
	if err := b.chain.profiled(name, func() error { return each(ctx, restConnections, count, do) }); err != nil {
		return round{}, err
	}
	done, err := b.stack.since(ctx, before, b.stack.clock.Now(), count)
	if err != nil {
		return round{}, err
	}
	_, err = b.stack.settle(ctx)
	return done, err
}

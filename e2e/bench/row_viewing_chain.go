package main

import (
	"context"
	"fmt"
	"sync"
)

const (
	viewingChainName = "chain with viewing"
	// viewedBatches is the number of batches of a round, so that the first are viewed while the last are sent.
	viewedBatches = 8
)

// viewingChainRow is the chain with a viewing of each document over REST, until the read time is registered at the hub.
func viewingChainRow() row {
	return row{name: viewingChainName, lines: []line{least("whole chain with viewing over REST", 0.12, ofFloor)}, measure: measureViewingChain}
}

func measureViewingChain(ctx context.Context, b *bench, lines []line) ([]line, error) {
	v, err := b.chain.viewers()
	if err != nil {
		return nil, err
	}
	defer v.rest.close()
	t, err := b.turns(ctx, viewingChainName, func(ctx context.Context, turn int) (round, error) {
		if err := v.logIn(ctx, b.options.viewings); err != nil {
			return round{}, err
		}
		name := fmt.Sprintf("viewed-%d", turn+1)
		size := min(batchItems, (b.options.viewings+viewedBatches-1)/viewedBatches)
		batches, err := b.chain.batches(ctx, b.chain.sender, name, 0, b.options.viewings, size)
		if err != nil {
			return round{}, err
		}
		return b.chain.round(ctx, journey{name: name, documents: b.options.viewings, far: viewed, travel: func(ctx context.Context, f *follower, d *followed) (err error) {
			d.Counts.Accepted, d.Retries, err = v.sendAndView(ctx, f, listed(batches))
			return err
		}})
	})
	if err != nil {
		return nil, err
	}
	lines[0] = lines[0].is(t.Ratio)
	return lines, nil
}

// sendAndView sends batches, and views each batch as soon as its documents are in the inboxes. The last document of each batch is
// followed until its read time is registered.
func (v *viewers) sendAndView(ctx context.Context, f *follower, next source) (accepted, retries int64, err error) {
	on := make(chan sent, viewedBatches)
	var failure error
	var group sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group.Go(func() {
		var done []sent
		for b := range on {
			if failure == nil {
				if failure = f.await(ctx, b.last(), inInbox); failure == nil {
					failure = each(ctx, restConnections, len(b.numbers), func(ctx context.Context, i int) error {
						return v.view(ctx, v.chain.recipientOf(b.items[i]), b.numbers[i], b.items[i])
					})
				}
				done = append(done, b)
			}
		}
		for _, b := range done {
			if failure == nil {
				failure = f.await(ctx, b.last(), viewed)
			}
		}
	})
	accepted, retries, err = v.chain.send(ctx, v.chain.sender, next, func(s sent) { on <- s })
	close(on)
	group.Wait()
	if err == nil {
		err = failure
	}
	return accepted, retries, err
}

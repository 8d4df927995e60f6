package main

import (
	"context"
	"fmt"
)

const chainName = "chain"

// chainRow is the whole chain with batch sends: certificate verified for each document, inbox, registered at the hub, status
// complete. The cost per document is measured in the same rounds.
func chainRow() row {
	return row{name: chainName, lines: append([]line{least("whole chain, batch send", 0.45, ofFloor)}, costLines()...), measure: measureChain}
}

func measureChain(ctx context.Context, b *bench, lines []line) ([]line, error) {
	before, err := b.stack.rowWrites(ctx)
	if err != nil {
		return nil, err
	}
	t, err := b.chainTurns(ctx, chainName, true)
	if err != nil {
		return nil, err
	}
	after, err := b.stack.rowWrites(ctx)
	if err != nil {
		return nil, err
	}
	b.report.PerDocument = costOf(t.Measure.Rounds, before, after)
	lines[0] = lines[0].is(t.Ratio)
	copy(lines[1:], b.report.PerDocument.lines(lines[1:]))
	return lines, nil
}

// chainTurns alternates rounds of the floor and of the chain with batches.
func (b *bench) chainTurns(ctx context.Context, name string, wal bool) (*turns, error) {
	return b.turns(ctx, name, func(ctx context.Context, turn int) (round, error) {
		j, err := b.chain.batchJourney(ctx, fmt.Sprintf("%s-%d", name, turn+1), b.options.documents)
		if err != nil {
			return round{}, err
		}
		j.wal = wal
		return b.chain.round(ctx, j)
	})
}

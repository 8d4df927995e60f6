package main

import (
	"context"
	"errors"
)

const growthName = "growth"

// growthRow compares the chain with a million documents present with the same run's chain on an empty database. Each is divided
// by the floor measured beside it, because the machine's speed changes between the two.
func growthRow() row {
	return row{name: growthName, full: true, lines: []line{least("growth: chain with 1,000,000 documents present", 0.85, ofEmpty)}, measure: measureGrowth}
}

func measureGrowth(ctx context.Context, b *bench, lines []line) ([]line, error) {
	empty, ok := b.report.Rows[chainName].(*turns)
	if !ok {
		return nil, errors.New("it needs the row of the chain in the same run")
	}
	t, err := b.chainTurns(ctx, growthName, false)
	if err != nil {
		return nil, err
	}
	b.report.Rows[growthName+" documents present"] = b.chain.present()
	lines[0] = lines[0].is(rounded(t.Ratio/empty.Ratio, 3))
	return lines, nil
}

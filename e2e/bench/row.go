package main

import (
	"context"
	"fmt"
)

// bench is what the rows share: the relay, the floor, the chain and the report.
type bench struct {
	options options
	stack   *stack
	floor   *floor
	chain   *chain
	report  *report
}

// row is a part of the table. If the run omits it, its lines are printed without figures.
type row struct {
	name  string
	lines []line
	// full rows belong only to a full run: they need a million documents or ten minutes.
	full    bool
	measure func(ctx context.Context, b *bench, lines []line) ([]line, error)
}

// rows returns the rows in the order of measurement: each leaves more documents in the database for the next, and the last one
// stops the relay.
func rows() []row {
	return []row{
		chainRow(), viewingChainRow(), singleRow(), viewingRow(), statusRow(), fairnessRow(), strangersRow(), uploadRow(), platformRow(), bundlesRow(), pagesRow(), sustainedRow(), memoryRow(),
		growthRow(), startRow(),
	}
}

func (b *bench) measure(ctx context.Context) error {
	for _, r := range rows() {
		if !b.options.wants(r.name) {
			continue
		}
		if r.full && b.options.quick {
			for _, l := range r.lines {
				b.report.Lines = append(b.report.Lines, l.not("left out of a quick run"))
			}
			continue
		}
		b.stack.say("%s", r.name)
		lines, err := r.measure(ctx, b, r.lines)
		if err != nil {
			return fmt.Errorf("row %s: %w", r.name, err)
		}
		b.report.Lines = append(b.report.Lines, lines...)
	}
	return nil
}

package main

import (
	"context"
	"fmt"
)

// bench is what the rows share: one relay, one floor, one chain, one report.
type bench struct {
	options options
	stack   *stack
	floor   *floor
	chain   *chain
	report  *report
}

// row is a part of the table. Its lines are printed without figures where the run leaves it out.
type row struct {
	name  string
	lines []line
	// full rows belong to the full run alone: they need a million documents or ten minutes.
	full    bool
	measure func(ctx context.Context, b *bench, lines []line) ([]line, error)
}

// rows in the order they are measured: each leaves the database fuller for the next, and the last stops the relay.
func rows() []row {
	return []row{
		chainRow(), viewingChainRow(), singleRow(), viewingRow(), statusRow(), fairnessRow(), uploadRow(), sustainedRow(), memoryRow(), growthRow(), startRow(),
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

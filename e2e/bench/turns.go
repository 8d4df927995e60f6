package main

import (
	"context"
	"fmt"
)

// turns are the rounds of a row, in which floor and measure alternate.
type turns struct {
	Floor struct {
		PerSecond spread  `json:"perSecond"`
		Rounds    []round `json:"rounds"`
	} `json:"floor"`
	Measure struct {
		PerSecond spread  `json:"perSecond"`
		Rounds    []round `json:"rounds"`
	} `json:"measure"`
	// Ratio is the measure's median divided by the floor's.
	Ratio float64 `json:"ratio"`
	// PairRatio is the spread of each measured round divided by the floor round right before it. It is more reliable if the load
	// of other programs changes.
	PairRatio spread `json:"pairRatio"`
}

// turn makes one round.
type turn func(ctx context.Context, turn int) (round, error)

// turns alternates rounds of the floor and of a measure.
func (b *bench) turns(ctx context.Context, name string, measure turn) (*turns, error) {
	return b.turnsBeside(ctx, name, func(ctx context.Context, _ int) (round, error) { return b.floor.round(ctx, b.options.floorDocuments) }, measure)
}

// turnsBeside alternates rounds of a row's own floor and of a measure.
func (b *bench) turnsBeside(ctx context.Context, name string, beside, measure turn) (*turns, error) {
	t := &turns{}
	for i := range b.options.rounds {
		floor, err := beside(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("floor round %d of %s: %w", i+1, name, err)
		}
		measured, err := measure(ctx, i)
		if err != nil {
			return nil, fmt.Errorf("round %d of %s: %w", i+1, name, err)
		}
		t.Floor.Rounds, t.Measure.Rounds = append(t.Floor.Rounds, floor), append(t.Measure.Rounds, measured)
		b.stack.say("%s %d: floor %.0f/s, measured %.0f/s", name, i+1, floor.PerSecond, measured.PerSecond)
	}
	t.finish()
	b.report.Rows[name] = t
	return t, nil
}

// finish computes medians and ratios.
func (t *turns) finish() {
	var floor, measure, pairs []float64
	for i, m := range t.Measure.Rounds {
		f := t.Floor.Rounds[i]
		floor, measure, pairs = append(floor, f.PerSecond), append(measure, m.PerSecond), append(pairs, rounded(m.PerSecond/f.PerSecond, 3))
	}
	t.Floor.PerSecond, t.Measure.PerSecond, t.PairRatio = spreadOf(floor), spreadOf(measure), spreadOf(pairs)
	t.Ratio = rounded(median(measure)/median(floor), 3)
}

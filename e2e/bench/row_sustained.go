package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	sustainedName = "sustained"
	// spareShare is how many more documents are prepared than earlier rounds lead to expect.
	spareShare = 1.4
)

// sustainedRow sends batches through the chain for a minute and measures until the last document is complete. Pending work must
// not grow.
func sustainedRow() row {
	return row{name: sustainedName, full: true, lines: []line{least("whole chain, batch send, sustained 60 s", 0.45, ofFloor)}, measure: measureSustained}
}

// backlogAt is the pending work at a moment of a sustained round.
type backlogAt struct {
	Second   float64            `json:"second"`
	Complete int64              `json:"complete"`
	Pending  map[string]float64 `json:"pending"`
}

func (b backlogAt) sum() (all float64) {
	for _, n := range b.Pending {
		all += n
	}
	return all
}

// growing reports whether pending work grew from the first third to the end. A growth as small as a few batches in progress is
// ignored.
func growing(backlog []backlogAt) bool {
	const ordinary = 1000
	first, last := backlog[0].sum(), backlog[len(backlog)-1].sum()
	return last > 1.5*first+ordinary
}

func measureSustained(ctx context.Context, b *bench, lines []line) ([]line, error) {
	expected := 0.0
	if t, ok := b.report.Rows[chainName].(*turns); ok {
		expected = t.Measure.PerSecond.Max * b.options.sustain.Seconds()
	}
	grew := false
	backlogs := make([][]backlogAt, b.options.rounds)
	t, err := b.turns(ctx, sustainedName, func(ctx context.Context, turn int) (round, error) {
		name := fmt.Sprintf("%s-%d", sustainedName, turn+1)
		batches, err := b.chain.batches(ctx, b.chain.sender, name, 0, batchItems*int(1+expected*spareShare/batchItems), batchItems)
		if err != nil {
			return round{}, err
		}
		r, err := b.chain.round(ctx, journey{name: name, far: complete, travel: func(ctx context.Context, f *follower, d *followed) (err error) {
			backlogs[turn], err = b.sustain(ctx, f, d, b.chain.endless(name, batches))
			return err
		}})
		if err != nil {
			return round{}, err
		}
		grew = grew || growing(backlogs[turn])
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	b.report.Rows[sustainedName+" backlog"] = backlogs
	lines[0] = lines[0].is(t.Ratio)
	if grew {
		met := false
		lines[0].Met, lines[0].Unit = &met, ofFloor+", but work piled up"
	}
	return lines, nil
}

// endless returns prepared batches, then makes more if the chain is faster than expected.
func (c *chain) endless(name string, prepared []*intakev1.BatchSendRequest) source {
	var next atomic.Int64
	return func(ctx context.Context) (*intakev1.BatchSendRequest, error) {
		n := int(next.Add(1)) - 1
		if n < len(prepared) {
			return prepared[n], nil
		}
		made, err := c.batches(ctx, c.sender, name, n*batchItems, batchItems, batchItems)
		if err != nil {
			return nil, err
		}
		return made[0], nil
	}
}

// sustain sends for a fixed time and follows all documents to the end. It returns the pending work at each third of the time.
func (b *bench) sustain(ctx context.Context, f *follower, d *followed, next source) ([]backlogAt, error) {
	began, long := b.stack.clock.Now(), b.options.sustain
	var done atomic.Int64
	var backlog []backlogAt
	watched := make(chan error, 1)
	go func() {
		for third := 1; third <= 3; third++ {
			at := began.Add(long * time.Duration(third) / 3)
			if err := wait(ctx, at.Sub(b.stack.clock.Now())); err != nil {
				watched <- err
				return
			}
			now := backlogAt{Second: rounded(at.Sub(began).Seconds(), 1), Complete: done.Load()}
			var err error
			if now.Pending, err = b.stack.pending(ctx); err != nil {
				watched <- err
				return
			}
			backlog = append(backlog, now)
		}
		watched <- nil
	}()
	err := b.chain.flow(ctx, f, d, func(ctx context.Context) (*intakev1.BatchSendRequest, error) {
		if b.stack.clock.Now().Sub(began) >= long {
			return nil, nil //nolint:nilnil // no batch is no failure
		}
		return next(ctx)
	}, &done)
	if err != nil {
		return nil, err
	}
	if err := <-watched; err != nil {
		return nil, err
	}
	return backlog, nil
}

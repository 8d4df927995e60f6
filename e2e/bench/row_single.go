package main

import (
	"context"
	"fmt"
	"time"
)

const singleName = "single"

// singleRow sends singles over REST on 64 connections while the chain keeps up, and measures complete documents per second. Then
// it sends at half of that rate at fixed times (open loop) and measures the p99 of the answer.
func singleRow() row {
	return row{name: singleName, measure: measureSingle, lines: []line{
		least("single REST send, 64 connections", 0.2, ofFloor), most("single REST send at half of that rate, p99", 50, "ms to the answer"),
	}}
}

func measureSingle(ctx context.Context, b *bench, lines []line) ([]line, error) {
	t, err := b.turns(ctx, singleName, func(ctx context.Context, turn int) (round, error) {
		return b.singleRound(ctx, fmt.Sprintf("single-%d", turn+1), b.options.singles, func(ctx context.Context, s *singles) error {
			return each(ctx, restConnections, len(s.bodies), s.send)
		})
	})
	if err != nil {
		return nil, err
	}
	rate := median([]float64{t.Measure.PerSecond.Median}) / 2
	var waited latency
	if _, err := b.singleRound(ctx, "open", max(1, int(rate*b.options.openLoop.Seconds())), func(ctx context.Context, s *singles) error {
		took, err := arrivals(ctx, b.stack.clock.Now, time.Duration(float64(time.Second)/rate), len(s.bodies), s.send)
		if err == nil {
			waited = latencyOf(took)
		}
		return err
	}); err != nil {
		return nil, fmt.Errorf("open loop: %w", err)
	}
	b.report.Rows[singleName+" at half rate"] = map[string]any{"perSecond": rounded(rate, 1), "answer": waited}
	return []line{lines[0].is(t.Ratio), lines[1].is(waited.P99)}, nil
}

// singleRound prepares singles, sends them with sending, and follows them until they are complete.
func (b *bench) singleRound(ctx context.Context, name string, count int, sending func(context.Context, *singles) error) (round, error) {
	s, err := b.chain.singles(ctx, b.chain.sender, name, count)
	if err != nil {
		return round{}, err
	}
	defer s.rest.close()
	return b.chain.round(ctx, journey{name: name, documents: count, far: complete, travel: func(ctx context.Context, f *follower, d *followed) error {
		began := b.stack.clock.Now()
		if err := sending(ctx, s); err != nil {
			return err
		}
		d.Stages.Answered = rounded(b.stack.clock.Now().Sub(began).Seconds(), 3)
		d.Counts.Accepted, d.Retries = s.accepted(), s.again.Load()
		return s.await(ctx, f, complete)
	}})
}

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	memoryName = "memory"
	// fillRound is how many documents are sent between two counts and heap samples while the database is filled.
	fillRound = 25_000
)

// memoryRow measures the relay's process during minutes of chain, which also fill the database for the following rows.
func memoryRow() row {
	return row{name: memoryName, full: true, measure: measureMemory, lines: []line{
		most("memory: peak RSS of the relay over 10 minutes of chain", 768, "MiB"), most("memory: heap after GC, growth over the last half", 2, "%"),
	}}
}

// heapAt is the heap size right after a collection.
type heapAt struct {
	Second float64 `json:"second"`
	MiB    float64 `json:"mebibytes"`
}

func measureMemory(ctx context.Context, b *bench, lines []line) ([]line, error) {
	began := b.stack.clock.Now()
	if _, err := b.peakFrom(); err != nil {
		return nil, err
	}
	var heaps []heapAt
	peak := 0.0
	if err := b.fill(ctx, began, func(ctx context.Context) error {
		if b.stack.clock.Now().Sub(began) > b.options.memory {
			return nil
		}
		heap, err := b.heapAtRest(ctx)
		peak = peakOf(b.stack.relay.pid())
		heaps = append(heaps, heapAt{rounded(b.stack.clock.Now().Sub(began).Seconds(), 0), heap})
		return err
	}); err != nil {
		return nil, err
	}
	growth := growthOfLastHalf(heaps)
	b.report.Rows[memoryName] = map[string]any{"peakMebibytes": peak, "sandboxPeakMebibytes": peakOf(b.stack.sandbox.pid()), "heaps": heaps, "growthPercent": growth}
	return []line{lines[0].is(peak), lines[1].is(growth)}, nil
}

// heapAtRest returns the relay's heap after a collection, in MiB, when no work is left. During the chain the heap is up to three
// times as large, depending on the work in progress.
func (b *bench) heapAtRest(ctx context.Context) (float64, error) {
	if _, err := b.stack.settle(ctx); err != nil {
		return 0, err
	}
	told, err := b.stack.relay.order(order{Heap: true})
	return rounded(float64(told.HeapBytes)/(1<<20), 2), err
}

// fill runs the chain until the time is over and the database holds as many documents as the rows growth and start need. It calls
// look between its rounds.
func (b *bench) fill(ctx context.Context, began time.Time, look func(ctx context.Context) error) error {
	for n := 1; b.chain.present() < int64(b.options.existing) || b.stack.clock.Now().Sub(began) < b.options.memory; n++ {
		name := fmt.Sprintf("fill-%d", n)
		var taken atomic.Int64
		made := b.chain.endless(name, nil)
		next := func(ctx context.Context) (*intakev1.BatchSendRequest, error) {
			if taken.Add(batchItems) > int64(max(batchItems, min(fillRound, b.options.existing))) {
				return nil, nil //nolint:nilnil // no batch is no failure
			}
			return made(ctx)
		}
		if _, err := b.chain.round(ctx, journey{name: name, far: complete, travel: func(ctx context.Context, f *follower, d *followed) error {
			return b.chain.flow(ctx, f, d, next, new(atomic.Int64))
		}}); err != nil {
			return err
		}
		if err := look(ctx); err != nil {
			return err
		}
		b.stack.say("%d documents present", b.chain.present())
	}
	return nil
}

// peakFrom resets the peak of the relay's resident memory and returns from where it rises, in MiB.
func (b *bench) peakFrom() (float64, error) {
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", b.stack.relay.pid()), []byte("5"), 0); err != nil {
		return 0, fmt.Errorf("reset the peak: %w", err)
	}
	return peakOf(b.stack.relay.pid()), nil
}

// peakOf returns a process's peak of resident memory, in MiB.
func peakOf(pid int) float64 {
	kilobytes, err := strconv.ParseFloat(strings.TrimSuffix(valueOf(fmt.Sprintf("/proc/%d/status", pid), "VmHWM"), " kB"), 64)
	if err != nil {
		return 0
	}
	return rounded(kilobytes/1024, 1)
}

// growthOfLastHalf returns how much a straight line through the last half of the samples rises, in percent of its beginning.
func growthOfLastHalf(heaps []heapAt) float64 {
	half := heaps[len(heaps)/2:]
	var n, sx, sy, sxx, sxy float64
	for _, h := range half {
		n, sx, sy, sxx, sxy = n+1, sx+h.Second, sy+h.MiB, sxx+h.Second*h.Second, sxy+h.Second*h.MiB
	}
	width := n*sxx - sx*sx
	if width == 0 {
		return 0
	}
	slope := (n*sxy - sx*sy) / width
	start := (sy-slope*sx)/n + slope*half[0].Second
	return rounded(100*slope*(half[len(half)-1].Second-half[0].Second)/start, 2)
}

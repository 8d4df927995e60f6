package main

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

const (
	platformName = "platform"
	// platformSenders upload at the same time, a file each. After platformBatch files each sends these documents as one batch, so
	// that what waits for its document stays far below what content lets one sender have (open_uploads).
	platformSenders = 4
	platformBatch   = 10
)

// platformRow is the platform-centred path: each document's file is uploaded over REST, the document names it, and the relay
// deposits it at the archive before it is received. Its floor is the least that keeping such a file costs.
func platformRow() row {
	return row{name: platformName, measure: measurePlatform, lines: []line{
		reported("platform-centred: documents of 1 MiB uploaded, deposited and received", "of the files/s encrypted and synced to the same disk"),
	}}
}

func measurePlatform(ctx context.Context, b *bench, lines []line) ([]line, error) {
	disk := newFileFloor(b.stack)
	floor := func(ctx context.Context, turn int) (round, error) {
		return disk.round(ctx, newFiles(fmt.Sprintf("platform-floor-%d", turn+1), b.options.platform))
	}
	// The first files make the disk grow, and the first deposit logs in at the archive: neither is a document's cost.
	if _, err := disk.round(ctx, newFiles("platform-warmup", platformBatch)); err != nil {
		return nil, fmt.Errorf("warm-up of the floor of files: %w", err)
	}
	if _, err := b.platformRound(ctx, "platform-warmup", platformBatch); err != nil {
		return nil, fmt.Errorf("warm-up of %s: %w", platformName, err)
	}
	t, err := b.turnsBeside(ctx, platformName, floor, func(ctx context.Context, turn int) (round, error) {
		return b.platformRound(ctx, fmt.Sprintf("%s-%d", platformName, turn+1), b.options.platform)
	})
	if err != nil {
		return nil, err
	}
	lines[0] = lines[0].is(t.Ratio)
	return lines, nil
}

// platformRound lasts from the first upload until status tells of the last document that it is received. Registration at the hub
// goes on after that; it is counted as for all documents, outside of the time.
func (b *bench) platformRound(ctx context.Context, name string, documents int) (round, error) {
	files := newFiles(name, documents)
	return b.chain.round(ctx, journey{name: name, documents: documents, far: inInbox, counted: complete, travel: func(ctx context.Context, f *follower, d *followed) error {
		began := b.stack.clock.Now()
		last, again, err := b.handOver(ctx, name, files)
		if err != nil {
			return err
		}
		d.Counts.Accepted, d.Retries = int64(len(files)), again
		d.Stages.Answered = rounded(b.stack.clock.Now().Sub(began).Seconds(), 3)
		for _, number := range last {
			if err := f.await(ctx, number, inInbox); err != nil {
				return err
			}
		}
		return nil
	}})
}

// handOver uploads the files and sends a document for each. It returns the last document of each batch, and how many batches were
// sent again.
func (b *bench) handOver(ctx context.Context, name string, files []file) (last []string, again int64, err error) {
	c, r := b.chain, b.stack.rest()
	defer r.close()
	batches := slices.Collect(slices.Chunk(files, platformBatch))
	last = make([]string, len(batches))
	var repeated atomic.Int64
	err = each(ctx, platformSenders, len(batches), func(ctx context.Context, i int) error {
		batch := &intakev1.BatchSendRequest{}
		for n, one := range batches[i] {
			bearer, err := c.sender.bearer(ctx)
			if err != nil {
				return err
			}
			upload, err := r.handOver(ctx, bearer, one)
			if err != nil {
				return err
			}
			number := i*platformBatch + n
			batch.Items = append(batch.Items, c.byReference(fmt.Sprintf("%s-%07d", name, number), c.members[number%len(c.members)].ci, upload))
		}
		accepted, err := c.sendOne(ctx, c.sender, intakev1.NewIntakeServiceClient(c.conns[i%len(c.conns)]), batch, &repeated)
		if err == nil {
			last[i] = accepted.last()
		}
		return err
	})
	return last, repeated.Load(), err
}

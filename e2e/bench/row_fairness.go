package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	fairnessName = "fairness"
	// fairRate is how many singles per second the other sender sends.
	fairRate = 50
	// fairBulkRate is the expected rate of complete bulk documents per second if the chain was not measured before.
	fairBulkRate = 1500
)

// fairnessRow sends one sender's bulk and another's singles at the same time, and measures how long the singles take to the
// inbox.
func fairnessRow() row {
	return row{name: fairnessName, lines: []line{most("fairness: p99 of another's singles to the inbox", 100, "ms from due to received")}, measure: measureFairness}
}

func measureFairness(ctx context.Context, b *bench, lines []line) ([]line, error) {
	other, err := b.stack.institution(ctx, b.chain.conns[0], "fair", "1000000009")
	if err != nil {
		return nil, err
	}
	bulk := b.options.fairness
	batches, err := b.chain.batches(ctx, b.chain.sender, fairnessName, 0, bulk, batchItems)
	if err != nil {
		return nil, err
	}
	// Singles are sent for as long as the bulk is expected to take, judged by earlier rounds.
	perSecond := float64(fairBulkRate)
	if t, ok := b.report.Rows[chainName].(*turns); ok {
		perSecond = t.Measure.PerSecond.Median
	}
	count := max(fairRate, int(float64(bulk)/perSecond*fairRate))
	s, err := b.chain.singles(ctx, other, fairnessName+"-s", count)
	if err != nil {
		return nil, err
	}
	defer s.rest.close()
	var began time.Time
	var answered latency
	r, err := b.chain.round(ctx, journey{name: fairnessName, documents: bulk + count, also: other, far: complete, travel: func(ctx context.Context, f *follower, d *followed) error {
		var group sync.WaitGroup
		var accepted int64
		var bulkErr error
		group.Go(func() {
			accepted, d.Retries, bulkErr = b.chain.send(ctx, b.chain.sender, listed(batches), func(sent) {})
		})
		began = b.stack.clock.Now()
		took, err := arrivals(ctx, b.stack.clock.Now, time.Second/fairRate, count, s.send)
		group.Wait()
		if err != nil || bulkErr != nil {
			return fmt.Errorf("send beside each other: %w %w", err, bulkErr)
		}
		answered = latencyOf(took)
		d.Counts.Accepted = accepted + s.accepted()
		return nil
	}})
	if err != nil {
		return nil, err
	}
	accepted, received, err := s.toInbox(ctx, began)
	if err != nil {
		return nil, err
	}
	b.report.Rows[fairnessName] = map[string]any{"bulkDocuments": bulk, "singlesPerSecond": fairRate, "accepted": accepted, "answer": answered, "inbox": received, "round": r}
	lines[0] = lines[0].is(received.P99)
	return lines, nil
}

// toInbox returns how long each single took from when it was due until it was accepted and until it was received. Status reports
// these times; they come from the same clock.
func (s *singles) toInbox(ctx context.Context, began time.Time) (accepted, received latency, err error) {
	name := fairnessName + "-s"
	seen, err := newFollower(s.from).list(ctx, name, began, complete)
	if err != nil {
		return latency{}, latency{}, err
	}
	var toAccepted, toReceived []time.Duration
	for _, d := range seen.documents {
		i, err := strconv.Atoi(strings.TrimPrefix(d.GetOwnKey(), name+"-"))
		if err != nil {
			return latency{}, latency{}, fmt.Errorf("read own key: %w", err)
		}
		due := began.Add(time.Duration(i) * time.Second / fairRate)
		toAccepted, toReceived = append(toAccepted, d.GetAcceptedAt().AsTime().Sub(due)), append(toReceived, d.GetReceivedAt().AsTime().Sub(due))
	}
	return latencyOf(toAccepted), latencyOf(toReceived), nil
}

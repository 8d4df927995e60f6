package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	statusv1 "github.com/naru-relay/naru/proto/gen/naru/status/v1"
)

const (
	// lookPause is the pause between two completion checks; each asks for one document by its number over the public door.
	lookPause = 40 * time.Millisecond
	// countPause is the pause between counts if the followed documents are complete but others are not.
	countPause = 250 * time.Millisecond
	// priced is how many checks are made at rest to measure the cost of one.
	priced = 400
)

// reached reports whether a document has come as far as a round waits for.
type reached func(*statusv1.DocumentStatus) bool

func inInbox(s *statusv1.DocumentStatus) bool { return s.GetReceivedAt() != nil }

func complete(s *statusv1.DocumentStatus) bool {
	return s.GetReceivedAt() != nil && s.GetHub().GetRegisteredAt() != nil
}

func viewed(s *statusv1.DocumentStatus) bool {
	return complete(s) && s.GetReadAt() != nil && s.GetHub().GetReadTimeRegisteredAt() != nil
}

// follower watches the progress of a round by checking few documents, one at a time: the last one of each batch.
type follower struct {
	sender *institution
	// also is another sender of documents of the same round.
	also   *institution
	client statusv1.StatusServiceClient
	looks  atomic.Int64
}

func newFollower(sender *institution) *follower {
	return &follower{sender: sender, client: statusv1.NewStatusServiceClient(sender.conn)}
}

// await checks one document until it has come as far as wanted.
func (f *follower) await(ctx context.Context, edocNum string, far reached) error {
	if err := poll(ctx, lookPause, func() (bool, error) {
		authorized, err := f.sender.as(ctx)
		if err != nil {
			return false, err
		}
		f.looks.Add(1)
		got, err := f.client.GetStatus(authorized, &statusv1.GetStatusRequest{EdocNum: edocNum})
		return far(got.GetStatus()), missing(err)
	}); err != nil {
		return fmt.Errorf("follow %s: %w", edocNum, err)
	}
	return nil
}

// roundSeen is what status says about a round.
type roundSeen struct {
	far                  int64
	received, registered time.Time
	documents            []*statusv1.DocumentStatus
}

// list reads the statuses of all documents of a round over the public door.
func (f *follower) list(ctx context.Context, name string, from time.Time, far reached) (roundSeen, error) {
	var seen roundSeen
	for _, sender := range []*institution{f.sender, f.also} {
		if sender == nil {
			continue
		}
		if err := f.listOf(ctx, sender, name, from, far, &seen); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

func (f *follower) listOf(ctx context.Context, sender *institution, name string, from time.Time, far reached, seen *roundSeen) error {
	request := &statusv1.ListStatusesRequest{AcceptedFrom: timestamppb.New(from), AcceptedUntil: timestamppb.New(sender.stack.clock.Now()), PageSize: batchItems}
	for {
		authorized, err := sender.as(ctx)
		if err != nil {
			return err
		}
		page, err := f.client.ListStatuses(authorized, request)
		if err != nil {
			return fmt.Errorf("list statuses: %w", err)
		}
		for _, s := range page.GetStatuses() {
			if !strings.HasPrefix(s.GetOwnKey(), name+"-") {
				continue
			}
			seen.documents = append(seen.documents, s)
			if far(s) {
				seen.far++
			}
			seen.received = later(seen.received, s.GetReceivedAt())
			seen.registered = later(seen.registered, s.GetHub().GetRegisteredAt())
		}
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return nil
		}
	}
}

func later(a time.Time, b *timestamppb.Timestamp) time.Time {
	if t := b.AsTime(); b != nil && t.After(a) {
		return t
	}
	return a
}

// all waits until every document of a round has come as far as wanted. ended is the time just before the count that found them
// all, so that this count does not add to the measured time.
func (f *follower) all(ctx context.Context, name string, from time.Time, far reached, documents int64) (ended time.Time, seen roundSeen, err error) {
	err = poll(ctx, countPause, func() (bool, error) {
		ended = f.sender.stack.clock.Now()
		seen, err = f.list(ctx, name, from, far)
		return seen.far >= documents, err
	})
	if err != nil {
		return ended, seen, fmt.Errorf("%d of %d documents of %s have come so far: %w", seen.far, documents, name, err)
	}
	return ended, seen, nil
}

// price measures the processor time of one check in all processes together, at rest.
func (f *follower) price(ctx context.Context, edocNum string) (time.Duration, error) {
	before, err := f.sender.stack.readUsage(ctx)
	if err != nil {
		return 0, err
	}
	authorized, err := f.sender.as(ctx)
	if err != nil {
		return 0, err
	}
	for range priced {
		if _, err := f.client.GetStatus(authorized, &statusv1.GetStatusRequest{EdocNum: edocNum}); err != nil {
			return 0, fmt.Errorf("look at %s: %w", edocNum, err)
		}
	}
	after, err := f.sender.stack.readUsage(ctx)
	spent := after.relay - before.relay + after.senders - before.senders + after.units - before.units
	return spent / priced, err
}

package status

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/outbox"
)

// consumers read every event of the path. Purpose: one consumer per producing unit.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "intake", From: "intake", Handlers: []inbox.Handler{on(s, accepted), on(s, cancelRequested)}},
		{Purpose: "address", From: "address", Handlers: []inbox.Handler{on(s, resolved), on(s, cancelledByAddress)}},
		{Purpose: "delivery", From: "delivery", Handlers: []inbox.Handler{
			on(s, sent), on(s, received), on(s, expired), on(s, failed), on(s, cancelledByDelivery), on(s, cancelRefused), on(s, noticeGiven),
		}},
		{Purpose: "viewing", From: "viewing", Handlers: []inbox.Handler{on(s, tokenIssued), on(s, tokenVerified), on(s, read)}},
		{Purpose: "circulation", From: "circulation", Handlers: []inbox.Handler{on(s, registered), on(s, readRegistered), on(s, refused)}},
		{Purpose: "certificate", From: "certificate", Handlers: []inbox.Handler{on(s, issued), on(s, certificateFailed)}},
	}
}

// reads declares the same consumers before there is a service.
func reads() []bus.ConsumerSpec {
	var specs []bus.ConsumerSpec
	for _, c := range (*service)(nil).consumers() {
		specs = append(specs, c.Spec(name))
	}
	return specs
}

// entry is a timeline entry to be.
type entry struct {
	number, kind, sender, actor string
	ordinal                     uint32
	occurredAt                  time.Time
	fact                        fact
}

// on reads events of one kind into timeline and summary. An event that the timeline holds already adds nothing.
func on[M proto.Message](s *service, read reading[M]) inbox.Handler {
	return inbox.On(func(ctx context.Context, tx *outbox.Tx, events []inbox.Event[M]) ([]inbox.Verdict, error) {
		var zero M
		kind := string(frame.KindOf(zero))
		entries := make([]entry, 0, len(events))
		for _, e := range events {
			entries = append(entries, entry{number: e.Subject, kind: kind, ordinal: e.Ordinal, sender: e.Sender, actor: e.Actor, occurredAt: e.OccurredAt, fact: read(e.Message, e.Ordinal)})
		}
		entries = distinct(entries)
		fresh, err := insertTimeline(ctx, tx, entries, s.clock.Now())
		if err != nil {
			return nil, err
		}
		patches := patchesOf(entries, fresh)
		s.metrics.entries.Add(ctx, int64(len(fresh)))
		return nil, mergeSummaries(ctx, tx, patches)
	})
}

// distinct sorts the entries by identity and keeps each once.
func distinct(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int {
		if c := strings.Compare(a.number, b.number); c != 0 {
			return c
		}
		return int(a.ordinal) - int(b.ordinal)
	})
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.number == b.number && a.ordinal == b.ordinal })
}

// identity of an entry among those of one kind.
type identity struct {
	number  string
	ordinal int32
}

// patchesOf merges what the new entries of each document add, in the order of numbers.
func patchesOf(entries []entry, fresh map[identity]bool) []patch {
	var patches []patch
	for _, e := range entries {
		if !fresh[identity{e.number, int32(e.ordinal)}] {
			continue
		}
		p := e.fact.patch
		p.number, p.facts = e.number, 1
		if p.sender == nil {
			p.sender = text(e.sender)
		}
		if last := len(patches) - 1; last >= 0 && patches[last].number == e.number {
			patches[last].merge(p)
			continue
		}
		patches = append(patches, p)
	}
	return patches
}

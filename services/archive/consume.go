package archive

import (
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

// consumers: each kind has its own consumer, because each locks deposits in the order of their numbers: a transaction that began
// again from the start for another kind could deadlock with its like.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "awaited", From: "delivery", Handlers: []inbox.Handler{inbox.On(s.onDepositAwaited)}},
		{Purpose: "cancelled", From: "delivery", Handlers: []inbox.Handler{inbox.On(onEnded[*deliveryv1.DocumentCancelled](s))}},
		{Purpose: "expired", From: "delivery", Handlers: []inbox.Handler{inbox.On(onEnded[*deliveryv1.DeliveryExpired](s))}},
		{Purpose: "failed", From: "delivery", Handlers: []inbox.Handler{inbox.On(onEnded[*deliveryv1.DeliveryFailed](s))}},
	}
}

// onDepositAwaited makes deposits due. What is deposited already is stated again for the newer resolution.
func (s *service) onDepositAwaited(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.DepositAwaited]) ([]inbox.Verdict, error) {
	newest := map[string]document{}
	for _, e := range events {
		d := document{
			number: e.Subject, sender: e.Sender, lane: e.Lane, facts: e.Message.GetFacts(), ordinal: max(e.Ordinal, 1), choices: e.Message.GetChoices(),
			resolvedAt: e.Message.GetResolvedAt().AsTime(), traceparent: e.Traceparent, frame: e.FrameID,
		}
		if known, ok := newest[d.number]; !ok || known.ordinal < d.ordinal {
			newest[d.number] = d
		}
	}
	now := s.clock.Now()
	again, err := makeDue(ctx, tx, sorted(newest), now)
	if err != nil {
		return nil, err
	}
	tx.OnCommit(s.bell.Ring)
	for _, d := range again {
		if err := tx.State(ctx, d.lane, depositedFact(d, actor, now)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// onEnded has no deposit begun for what has ended. One that is under way is not broken off; its result comes too late.
func onEnded[M proto.Message](s *service) func(context.Context, *journal.Tx, []inbox.Event[M]) ([]inbox.Verdict, error) {
	return func(ctx context.Context, tx *journal.Tx, events []inbox.Event[M]) ([]inbox.Verdict, error) {
		ended := map[string]document{}
		for _, e := range events {
			ended[e.Subject] = document{number: e.Subject, frame: e.FrameID}
		}
		return nil, stop(ctx, tx, sorted(ended), s.clock.Now())
	}
}

func sorted(documents map[string]document) []document {
	list := make([]document, 0, len(documents))
	for _, d := range documents {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b document) int { return strings.Compare(a.number, b.number) })
	return list
}

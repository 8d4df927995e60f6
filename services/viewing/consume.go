package viewing

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/id"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// consumers keep cancelled numbers and the projection of viewing systems.
func (*service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "cancelled", From: "delivery", Handlers: []inbox.Handler{inbox.On(onDocumentCancelled)}},
		{Purpose: "principals", From: "gateway", Handlers: []inbox.Handler{inbox.On(onPrincipalChanged)}},
	}
}

// onDocumentCancelled remembers a cancelled number. Usually the document is not here: delivery cancels only before receipt, and
// viewing keeps a document only after its first token.
func onDocumentCancelled(ctx context.Context, tx *journal.Tx, events []inbox.Event[*deliveryv1.DocumentCancelled]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	byNumber := map[string]int{}
	for i, e := range events {
		if _, err := id.ParseEdocNumber(e.Subject); err != nil || !e.Message.GetCancelledAt().IsValid() {
			verdicts[i] = inbox.Park("cancellation_malformed")
			continue
		}
		byNumber[e.Subject] = i
	}
	numbers := slices.Sorted(maps.Keys(byNumber))
	at, frames := make([]time.Time, len(numbers)), make([]uuid.UUID, len(numbers))
	for i, number := range numbers {
		e := events[byNumber[number]]
		at[i], frames[i] = e.Message.GetCancelledAt().AsTime(), e.FrameID
	}
	return verdicts, insertCancellations(ctx, tx, numbers, at, frames)
}

// onPrincipalChanged keeps the newest version of each viewing system.
func onPrincipalChanged(ctx context.Context, tx *journal.Tx, events []inbox.Event[*gatewayv1.PrincipalChanged]) ([]inbox.Verdict, error) {
	verdicts := make([]inbox.Verdict, len(events))
	newest := map[string]systemRow{}
	for i, e := range events {
		m := e.Message
		switch kind := m.GetKind(); {
		case !authn.Known(kind):
			verdicts[i] = inbox.Defer("principal_kind_unknown")
		case kind != platformv1.PrincipalKind_PRINCIPAL_KIND_VIEWING_SYSTEM:
			verdicts[i] = inbox.Ignore
		default:
			row := systemRow{id: m.GetId(), suspended: m.GetSuspended(), senders: append([]string{}, m.GetSenders()...), version: int64(e.Ordinal),
				frame: e.FrameID}
			if known, ok := newest[row.id]; !ok || known.version < row.version {
				newest[row.id] = row
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		if err := upsertSystem(ctx, tx, newest[key]); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

package certificate

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/frame"
	"github.com/naru-relay/naru/pkg/inbox"
	"github.com/naru-relay/naru/pkg/journal"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

func reads() []bus.ConsumerSpec {
	return []bus.ConsumerSpec{
		{Purpose: "received", From: "delivery", Kinds: []frame.Kind{frame.KindOf(&deliveryv1.DocumentReceived{})}},
		{Purpose: "registered", From: "circulation", Kinds: []frame.Kind{
			frame.KindOf(&circulationv1.CirculationRegistered{}), frame.KindOf(&circulationv1.ReadTimeRegistered{}),
		}},
		{Purpose: "read", From: "viewing", Kinds: []frame.Kind{frame.KindOf(&viewingv1.DocumentRead{})}},
	}
}

func consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "received", From: "delivery", Handlers: []inbox.Handler{project(fromReceived)}},
		{Purpose: "registered", From: "circulation", Handlers: []inbox.Handler{project(fromRegistered), project(fromReadTimeRegistered)}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{project(fromRead)}},
	}
}

// project makes a handler that merges what events say of documents into their rows.
func project[M proto.Message](of func(m M) document) inbox.Handler {
	return inbox.On(func(ctx context.Context, tx *journal.Tx, events []inbox.Event[M]) ([]inbox.Verdict, error) {
		byNumber := make(map[string]document, len(events))
		for _, e := range events {
			d := of(e.Message)
			d.edocNum = e.Subject
			if held, ok := byNumber[e.Subject]; ok {
				held.merge(d)
				d = held
			}
			byNumber[e.Subject] = d
		}
		// Sorted, so that two transactions never wait for each other crosswise.
		return nil, mergeDocuments(ctx, tx, slices.SortedFunc(maps.Values(byNumber), func(a, b document) int {
			return cmp.Compare(a.edocNum, b.edocNum)
		}))
	})
}

func fromReceived(m *deliveryv1.DocumentReceived) document {
	f := m.GetFacts()
	return document{
		sender: f.GetSender(), recipient: f.GetRecipient(),
		senderAddress: f.GetFrom().GetAddress(), senderPlatform: f.GetFrom().GetPlatformId(),
		recipientAddress: f.GetTo().GetAddress(), recipientPlatform: f.GetTo().GetPlatformId(),
		hashAlgorithm: f.GetDocumentHash().GetAlgorithm(), hash: f.GetDocumentHash().GetValue(),
		attachments: attachmentsIn(f), sentAt: instant(f.GetSentAt()), receivedAt: instant(f.GetReceivedAt()),
	}
}

// attachmentsIn are the attachments of facts that are complete; none are known then, too.
func attachmentsIn(f *platformv1.DocumentFacts) []string {
	all := make([]string, len(f.GetAttachmentHashes()))
	for i, hash := range f.GetAttachmentHashes() {
		all[i] = attachment(hash.GetAlgorithm(), hash.GetValue())
	}
	slices.Sort(all)
	return all
}

func fromRegistered(m *circulationv1.CirculationRegistered) document {
	return document{
		sender: m.GetSender(), recipient: m.GetRecipient(),
		senderAddress: m.GetFrom().GetAddress(), senderPlatform: m.GetFrom().GetPlatformId(),
		recipientAddress: m.GetTo().GetAddress(), recipientPlatform: m.GetTo().GetPlatformId(), registeredAt: instant(m.GetAcknowledgedAt()),
	}
}

func fromReadTimeRegistered(m *circulationv1.ReadTimeRegistered) document {
	return document{sender: m.GetSender(), readRegisteredAt: instant(m.GetAcknowledgedAt())}
}

func fromRead(m *viewingv1.DocumentRead) document {
	return document{sender: m.GetSender(), recipient: m.GetRecipient(), readAt: instant(m.GetReadAt())}
}

func instant(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}

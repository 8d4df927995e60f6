package delivery

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/inbox"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
)

func emits() []proto.Message {
	return []proto.Message{
		&deliveryv1.DocumentReceived{}, &deliveryv1.DeliveryExpired{}, &deliveryv1.DeliveryFailed{},
		&deliveryv1.DocumentCancelled{}, &deliveryv1.CancelRefused{}, &deliveryv1.NoticeGiven{},
		&deliveryv1.RoundGiven{}, &deliveryv1.RoundGivenUp{},
	}
}

// consumers: each kind that locks deliveries has a consumer, and so a transaction, of its own. A transaction that locks rows for one kind
// and then, from the beginning again, for another would meet others halfway and deadlock.
func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "resolved", From: "address", Handlers: []inbox.Handler{
			inbox.On(s.onAddressWithdrawn), inbox.On(s.onRecipientResolved),
		}},
		{Purpose: "search-cancelled", From: "address", Handlers: []inbox.Handler{inbox.On(s.onCancelledByAddress)}},
		{Purpose: "cancelled", From: "intake", Handlers: []inbox.Handler{inbox.On(s.onCancelRequested)}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{inbox.On(s.onDocumentRead)}},
	}
}

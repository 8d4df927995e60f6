package circulation

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/inbox"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
)

func states() []proto.Message {
	return []proto.Message{
		&circulationv1.CirculationRegistered{}, &circulationv1.ReadTimeRegistered{}, &circulationv1.CirculationRefused{},
		&circulationv1.HubCallSettled{}, &circulationv1.QueuedCallRetried{}, &circulationv1.QueuedCallAccepted{},
	}
}

func (s *service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "delivered", From: "delivery", Handlers: []inbox.Handler{inbox.On(s.onDocumentReceived)}},
		{Purpose: "read", From: "viewing", Handlers: []inbox.Handler{inbox.On(s.onDocumentRead)}},
	}
}

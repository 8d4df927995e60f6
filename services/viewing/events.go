package viewing

import (
	"google.golang.org/protobuf/proto"

	"github.com/naru-relay/naru/pkg/inbox"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

func emits() []proto.Message {
	return []proto.Message{
		&viewingv1.ViewingTokenIssued{}, &viewingv1.ViewingTokenVerified{}, &viewingv1.DocumentRead{},
		&viewingv1.IdentityProved{}, &viewingv1.IdentityRefused{}, &viewingv1.TokenChecked{}, &viewingv1.ReadReported{},
	}
}

// consumers keep cancelled numbers and the projection of viewing systems.
func (*service) consumers() []inbox.Consumer {
	return []inbox.Consumer{
		{Purpose: "cancelled", From: "delivery", Handlers: []inbox.Handler{inbox.On(onDocumentCancelled)}},
		{Purpose: "principals", From: "gateway", Handlers: []inbox.Handler{inbox.On(onPrincipalChanged)}},
	}
}

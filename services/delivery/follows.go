package delivery

import (
	"github.com/naru-relay/naru/pkg/audit"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	received, read := &deliveryv1.DocumentReceived{}, &viewingv1.DocumentRead{}
	return []audit.Table{
		{Name: "delivery", Key: "edoc_num", Where: "state = 'DELIVERED'", Founded: audit.Kinds(received), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(received, "facts.sender")}},
			{Name: "lane", From: []audit.Source{audit.Of(received, "facts.lane")}},
			{Name: "recipient", From: []audit.Source{audit.Of(received, "facts.recipient")}},
			{Name: "sent_at", From: []audit.Source{audit.Of(received, "facts.sent_at")}},
			{Name: "received_at", From: []audit.Source{audit.Of(received, "facts.received_at")}},
			{Name: "viewing_deadline", From: []audit.Source{audit.Of(received, "facts.viewing_deadline")}},
			{Name: "read_at", From: []audit.Source{audit.Of(read, "read_at")}},
		}},
	}
}

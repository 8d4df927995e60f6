package delivery

import (
	"github.com/naru-relay/naru/pkg/audit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	received, read := &deliveryv1.DocumentReceived{}, &viewingv1.DocumentRead{}
	invited, unreachable := &deliveryv1.RecipientInvited{}, &deliveryv1.RecipientUnreachable{}
	consent, refusal := &addressv1.ConsentChanged{}, &addressv1.RefusalChanged{}
	return []audit.Table{
		{Name: "recipient_choice", Key: "recipient", Frame: "frame_id", Founded: audit.Kinds(consent, refusal), Columns: []audit.Column{
			{Name: "choices", Take: audit.Count, From: []audit.Source{audit.Of(consent, ""), audit.Of(refusal, "")}},
		}},
		{Name: "delivery", Key: "edoc_num", Where: "invitations > 0", Founded: audit.Kinds(invited), Columns: []audit.Column{
			{Name: "invitations", Take: audit.Count, From: []audit.Source{audit.Of(invited, "")}},
			{Name: "sender", From: []audit.Source{audit.Of(invited, "sender")}},
		}},
		{Name: "delivery", Key: "edoc_num", Where: "unreachable_at is not null", Founded: audit.Kinds(unreachable), Columns: []audit.Column{
			{Name: "unreachable_at", From: []audit.Source{audit.Of(unreachable, "found_at")}},
		}},
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

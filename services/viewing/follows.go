package viewing

import (
	"github.com/naru-relay/naru/pkg/audit"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	received, read, issued := &deliveryv1.DocumentReceived{}, &viewingv1.DocumentRead{}, &viewingv1.ViewingTokenIssued{}
	proved, acted := &viewingv1.IdentityProved{}, &viewingv1.OrganisationSessionOpened{}
	return []audit.Table{
		// A row is made when the first token is asked for.
		{Name: "document", Key: "edoc_num", Where: "true", Founded: audit.Kinds(received), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(received, "facts.sender")}},
			{Name: "recipient", From: []audit.Source{audit.Of(received, "facts.recipient")}},
			{Name: "to_address", From: []audit.Source{audit.Of(received, "facts.to.address")}},
			{Name: "viewing_system", From: []audit.Source{audit.Of(received, "facts.viewing_system")}},
			{Name: "viewing_url", From: []audit.Source{audit.Of(received, "facts.viewing_url")}},
			{Name: "sent_at", From: []audit.Source{audit.Of(received, "facts.sent_at")}},
			{Name: "received_at", From: []audit.Source{audit.Of(received, "facts.received_at")}},
			{Name: "tokens", Take: audit.Count, From: []audit.Source{audit.Of(issued, "")}},
		}},
		{Name: "session_opened", Key: "id", Founded: audit.Kinds(proved, acted), Columns: []audit.Column{
			{Name: "opened_at", From: []audit.Source{audit.Of(proved, ""), audit.Of(acted, "")}},
		}},
		{Name: "session_opened", Key: "id", Where: "person <> recipient", Columns: []audit.Column{
			{Name: "recipient", From: []audit.Source{audit.Of(acted, "organisation")}},
		}},
		{Name: "read_time", Key: "edoc_num", Founded: audit.Kinds(read), Columns: []audit.Column{
			{Name: "read_at", From: []audit.Source{audit.Of(read, "read_at")}},
			{Name: "verified_at", From: []audit.Source{audit.Of(read, "verified_at")}},
			{Name: "reported_at", From: []audit.Source{audit.Of(read, "reported_at")}},
			{Name: "viewing_system", From: []audit.Source{audit.Of(read, "viewing_system")}},
			{Name: "log_digest", From: []audit.Source{audit.Of(read, "log_digest")}},
		}},
	}
}

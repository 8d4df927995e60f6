package hub

import (
	"github.com/naru-relay/naru/pkg/audit"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	answered := &hubv1.ExchangeAnswered{}
	pushed := &hubv1.HubPushReceived{}
	return []audit.Table{
		{Name: "push", Key: "id", Founded: audit.Kinds(pushed), Columns: []audit.Column{
			{Name: "cert_num", From: []audit.Source{audit.Of(pushed, "cert_num")}},
			{Name: "edoc_num", From: []audit.Source{audit.Of(pushed, "edoc_num")}},
			{Name: "address", From: []audit.Source{audit.Of(pushed, "address")}},
			{Name: "pdf_digest", From: []audit.Source{audit.Of(pushed, "pdf_digest")}},
			{Name: "received_at", From: []audit.Source{audit.Of(pushed, "")}},
		}},
		// A second attempt is another fact under the same subject; only the first is compared.
		{Name: "exchange_response", Key: "exchange", Where: "attempt = 1", Founded: audit.Kinds(answered), Columns: []audit.Column{
			{Name: "outcome", From: []audit.Source{audit.Of(answered, "outcome")}},
			{Name: "error_code", From: []audit.Source{audit.Of(answered, "error_code")}},
			{Name: "status", From: []audit.Source{audit.Of(answered, "status")}},
			{Name: "answered_at", From: []audit.Source{audit.Of(answered, "")}},
			{Name: "digest", From: []audit.Source{audit.Of(answered, "response_digest")}},
		}},
	}
}

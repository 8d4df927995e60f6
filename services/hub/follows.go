package hub

import (
	"github.com/naru-relay/naru/pkg/audit"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	answered := &hubv1.ExchangeAnswered{}
	return []audit.Table{
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

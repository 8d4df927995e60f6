package intake

import (
	"github.com/naru-relay/naru/pkg/audit"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	accepted, cancelled := &intakev1.DocumentAccepted{}, &intakev1.CancelRequested{}
	return []audit.Table{
		{Name: "document", Key: "edoc_num", Founded: audit.Kinds(accepted), Columns: []audit.Column{
			{Name: "tenant", From: []audit.Source{audit.Of(accepted, "facts.sender")}},
			{Name: "lane", From: []audit.Source{audit.Of(accepted, "facts.lane")}},
			{Name: "accepted_at", From: []audit.Source{audit.Of(accepted, "facts.accepted_at")}},
			{Name: "certificate_digest", From: []audit.Source{audit.Of(accepted, "facts.registration_certificate_digest")}},
		}},
		{Name: "own_key", Key: "edoc_num", Founded: audit.Kinds(accepted), Columns: []audit.Column{
			{Name: "tenant", From: []audit.Source{audit.Of(accepted, "facts.sender")}},
			{Name: "own_key", From: []audit.Source{audit.Of(accepted, "facts.own_key")}},
			{Name: "fingerprint", From: []audit.Source{audit.Of(accepted, "fingerprint")}},
		}},
		{Name: "cancel_request", Key: "edoc_num", Founded: audit.Kinds(cancelled), Columns: []audit.Column{
			{Name: "requested_at", From: []audit.Source{audit.Of(cancelled, "")}},
		}},
	}
}

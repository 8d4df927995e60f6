package certificate

import (
	"github.com/naru-relay/naru/pkg/audit"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	requested := &certificatev1.CertificateRequested{}
	figured := &certificatev1.FiguresRequested{}
	return []audit.Table{
		{Name: "figures", Key: "id", Founded: audit.Kinds(figured), Columns: []audit.Column{
			{Name: "address", From: []audit.Source{audit.Of(figured, "address")}},
			{Name: "period", From: []audit.Source{audit.Of(figured, "period")}},
			{Name: "request_id", From: []audit.Source{audit.Of(figured, "request_id")}},
			{Name: "requested_at", From: []audit.Source{audit.Of(figured, "")}},
		}},
		{Name: "certificate_request", Key: "id", Founded: audit.Kinds(requested), Columns: []audit.Column{
			{Name: "edoc_num", From: []audit.Source{audit.Of(requested, "edoc_num")}},
			{Name: "request_id", From: []audit.Source{audit.Of(requested, "request_id")}},
			{Name: "digest", From: []audit.Source{audit.Of(requested, "digest")}},
			{Name: "requested_at", From: []audit.Source{audit.Of(requested, "")}},
		}},
	}
}

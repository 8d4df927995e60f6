package certificate

import (
	"github.com/naru-relay/naru/pkg/audit"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	requested := &certificatev1.CertificateRequested{}
	return []audit.Table{
		{Name: "certificate_request", Key: "id", Founded: audit.Kinds(requested), Columns: []audit.Column{
			{Name: "edoc_num", From: []audit.Source{audit.Of(requested, "edoc_num")}},
			{Name: "request_id", From: []audit.Source{audit.Of(requested, "request_id")}},
			{Name: "digest", From: []audit.Source{audit.Of(requested, "digest")}},
			{Name: "requested_at", From: []audit.Source{audit.Of(requested, "")}},
		}},
	}
}

package certificate

import (
	"github.com/naru-relay/naru/pkg/audit"
	certificatev1 "github.com/naru-relay/naru/proto/gen/naru/certificate/v1"
	hubv1 "github.com/naru-relay/naru/proto/gen/naru/hub/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	requested := &certificatev1.CertificateRequested{}
	figured, pushed, settled := &certificatev1.FiguresRequested{}, &hubv1.HubPushReceived{}, &certificatev1.PushSettled{}
	return []audit.Table{
		{Name: "certificate_push", Key: "push", Founded: audit.Kinds(pushed), Columns: []audit.Column{
			{Name: "cert_num", From: []audit.Source{audit.Of(pushed, "cert_num")}},
			{Name: "edoc_num", From: []audit.Source{audit.Of(pushed, "edoc_num")}},
			{Name: "applicant", From: []audit.Source{audit.Of(pushed, "address")}},
		}},
		{Name: "certificate_push", Key: "push", Where: "outcome is not null", Founded: audit.Kinds(settled), Columns: []audit.Column{
			{Name: "outcome", From: []audit.Source{audit.Of(settled, "outcome")}},
			{Name: "certificate", From: []audit.Source{audit.Of(settled, "certificate")}},
			{Name: "ended_at", From: []audit.Source{audit.Of(settled, "")}},
		}},
		{Name: "figures", Key: "id", Founded: audit.Kinds(figured), Columns: []audit.Column{
			{Name: "address", From: []audit.Source{audit.Of(figured, "address")}},
			{Name: "period", From: []audit.Source{audit.Of(figured, "period")}},
			{Name: "request_id", From: []audit.Source{audit.Of(figured, "request_id")}},
			{Name: "requested_at", From: []audit.Source{audit.Of(figured, "")}},
		}},
		{Name: "certificate_request", Key: "id", Founded: audit.Kinds(requested), Columns: []audit.Column{
			{Name: "edoc_num", From: []audit.Source{audit.Of(requested, "edoc_num")}},
			{Name: "request_id", From: []audit.Source{audit.Of(requested, "request_id")}},
			{Name: "authorisation", From: []audit.Source{audit.Of(requested, "authorisation")}},
			{Name: "digest", From: []audit.Source{audit.Of(requested, "digest")}},
			{Name: "requested_at", From: []audit.Source{audit.Of(requested, "")}},
		}},
	}
}

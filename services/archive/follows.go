package archive

import (
	"github.com/naru-relay/naru/pkg/audit"
	archivev1 "github.com/naru-relay/naru/proto/gen/naru/archive/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	made, failed := &archivev1.DocumentDeposited{}, &archivev1.DepositFailed{}
	return []audit.Table{
		{Name: "deposit", Key: "edoc_num", Where: "state = 'DEPOSITED'", Founded: audit.Kinds(made), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(made, "facts.sender")}},
			{Name: "lane", From: []audit.Source{audit.Of(made, "facts.lane")}},
			{Name: "archive", From: []audit.Source{audit.Of(made, "archive")}},
			{Name: "archive_document", From: []audit.Source{audit.Of(made, "archive_document")}},
			{Name: "registered_at", From: []audit.Source{audit.Of(made, "facts.registered_at")}},
			{Name: "certificate_digest", From: []audit.Source{audit.Of(made, "facts.registration_certificate_digest")}},
			{Name: "deposited_at", From: []audit.Source{audit.Of(made, "deposited_at")}},
		}},
		{Name: "deposit", Key: "edoc_num", Where: "state = 'FAILED'", Founded: audit.Kinds(failed), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(failed, "facts.sender")}},
			{Name: "reason", From: []audit.Source{audit.Of(failed, "reason")}},
			{Name: "ended_at", From: []audit.Source{audit.Of(failed, "failed_at")}},
		}},
	}
}

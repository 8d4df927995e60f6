package address

import (
	"github.com/naru-relay/naru/pkg/audit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	accepted, resolved, joined := &intakev1.DocumentAccepted{}, &addressv1.RecipientResolved{}, &addressv1.MemberJoined{}
	untold, submitted, merged := &addressv1.RecipientWithheld{}, &addressv1.InstitutionSubmitted{}, &addressv1.IdentitiesMerged{}
	consent, refusal := &addressv1.ConsentChanged{}, &addressv1.RefusalChanged{}
	recorded := &addressv1.ArchiveMembershipsRecorded{}
	return []audit.Table{
		{Name: "open_document", Key: "edoc_num", Founded: audit.Kinds(accepted), Columns: []audit.Column{
			{Name: "sender", From: []audit.Source{audit.Of(accepted, "facts.sender")}},
			{Name: "lane", From: []audit.Source{audit.Of(accepted, "facts.lane")}},
			{Name: "send_deadline", From: []audit.Source{audit.Of(accepted, "facts.send_deadline")}},
		}},
		// The outcome of a withheld document (its sender is over its quota) is found but not stated.
		{Name: "open_document", Key: "edoc_num", Where: "not withheld and ordinal > 0", Founded: audit.Kinds(resolved), Columns: []audit.Column{
			{Name: "resolution", Take: audit.Newest, From: []audit.Source{audit.Of(resolved, "resolution")}},
			{Name: "recipient", Take: audit.Newest, From: []audit.Source{audit.Of(resolved, "facts.recipient"), audit.Of(untold, "recipient")}},
		}},
		{Name: "institution", Key: "principal", Founded: audit.Kinds(submitted), Columns: []audit.Column{
			{Name: "address", Take: audit.Newest, From: []audit.Source{audit.Of(submitted, "address")}},
			{Name: "type", Take: audit.Newest, From: []audit.Source{audit.Of(submitted, "type")}},
			{Name: "sealed", Take: audit.Newest, From: []audit.Source{audit.Of(submitted, "sealed_institution")}},
			{Name: "submission", Take: audit.Count, From: []audit.Source{audit.Of(submitted, "")}},
			{Name: "memberships", Take: audit.Newest, From: []audit.Source{audit.Of(recorded, "sealed_memberships")}},
			{Name: "recorded", Take: audit.Count, From: []audit.Source{audit.Of(recorded, "")}},
			{Name: "created_at", From: []audit.Source{audit.Of(submitted, "")}},
		}},
		{Name: "identity", Key: "recipient", Where: "merged_into is not null", Founded: audit.Kinds(merged), Columns: []audit.Column{
			{Name: "merged_into", From: []audit.Source{audit.Of(merged, "into")}},
		}},
		{Name: "member", Key: "recipient", Columns: []audit.Column{
			{Name: "choices", Take: audit.Count, From: []audit.Source{audit.Of(consent, ""), audit.Of(refusal, "")}},
		}},
		{Name: "member", Key: "recipient", Where: "state = 'active'", Founded: audit.Kinds(joined), Columns: []audit.Column{
			{Name: "address", Take: audit.Newest, From: []audit.Source{audit.Of(joined, "address")}},
			{Name: "joined_at", Take: audit.Newest, From: []audit.Source{audit.Of(joined, "joined_at")}},
		}},
	}
}

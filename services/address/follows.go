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
	asked, answered := &addressv1.OrganisationAsked{}, &addressv1.OrganisationAnswered{}
	granted, taken, ended := &addressv1.AuthorityGranted{}, &addressv1.AuthorityTaken{}, &addressv1.AuthorityEnded{}
	changed := &addressv1.AuthorityRightsChanged{}
	renamed, told := &addressv1.NameChangeAsked{}, &addressv1.NameChangeAnswered{}
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
		{Name: "organisation_application", Key: "id", Founded: audit.Kinds(asked), Columns: []audit.Column{
			{Name: "person", From: []audit.Source{audit.Of(asked, "person")}},
			{Name: "type", From: []audit.Source{audit.Of(asked, "type")}},
			{Name: "sealed", From: []audit.Source{audit.Of(asked, "sealed_organisation")}},
			{Name: "terms_version", From: []audit.Source{audit.Of(asked, "terms_version")}},
			{Name: "asked_at", From: []audit.Source{audit.Of(asked, "")}},
		}},
		{Name: "organisation_application", Key: "id", Where: "state <> 1", Founded: audit.Kinds(answered), Columns: []audit.Column{
			{Name: "state", From: []audit.Source{audit.Of(answered, "state")}},
			{Name: "organisation", From: []audit.Source{audit.Of(answered, "organisation")}},
			{Name: "reason", From: []audit.Source{audit.Of(answered, "reason")}},
			{Name: "decided_at", From: []audit.Source{audit.Of(answered, "")}},
		}},
		{Name: "authority", Key: "id", Founded: audit.Kinds(granted), Columns: []audit.Column{
			{Name: "organisation", From: []audit.Source{audit.Of(granted, "organisation")}},
			{Name: "role", From: []audit.Source{audit.Of(granted, "role")}},
			{Name: "rights", Take: audit.Newest, From: []audit.Source{audit.Of(granted, "rights"), audit.Of(changed, "rights")}},
			{Name: "changes", Take: audit.Count, From: []audit.Source{audit.Of(changed, "")}},
			{Name: "sealed", From: []audit.Source{audit.Of(granted, "sealed_name")}},
			{Name: "granted_at", From: []audit.Source{audit.Of(granted, "")}},
			{Name: "ended_at", From: []audit.Source{audit.Of(ended, "")}},
			{Name: "reason", From: []audit.Source{audit.Of(ended, "reason")}},
		}},
		{Name: "authority", Key: "id", Where: "person is not null", Columns: []audit.Column{
			{Name: "person", Take: audit.Newest, From: []audit.Source{audit.Of(granted, "person"), audit.Of(taken, "person")}},
		}},
		{Name: "name_change", Key: "id", Founded: audit.Kinds(renamed), Columns: []audit.Column{
			{Name: "address", From: []audit.Source{audit.Of(renamed, "address")}},
			{Name: "basis", From: []audit.Source{audit.Of(renamed, "basis")}},
			{Name: "sealed", From: []audit.Source{audit.Of(renamed, "sealed_names")}},
			{Name: "type", From: []audit.Source{audit.Of(renamed, "type")}},
			{Name: "asked_at", From: []audit.Source{audit.Of(renamed, "")}},
			{Name: "answers", Take: audit.Count, From: []audit.Source{audit.Of(told, "")}},
		}},
		{Name: "name_change", Key: "id", Where: "answers > 0", Founded: audit.Kinds(told), Columns: []audit.Column{
			{Name: "state", Take: audit.Newest, From: []audit.Source{audit.Of(told, "state")}},
			{Name: "refusal", Take: audit.Newest, From: []audit.Source{audit.Of(told, "refusal")}},
			{Name: "answered_at", Take: audit.Newest, From: []audit.Source{audit.Of(told, "")}},
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

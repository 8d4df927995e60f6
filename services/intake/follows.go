package intake

import (
	"github.com/naru-relay/naru/pkg/audit"
	addressv1 "github.com/naru-relay/naru/proto/gen/naru/address/v1"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
	intakev1 "github.com/naru-relay/naru/proto/gen/naru/intake/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	accepted, cancelled := &intakev1.DocumentAccepted{}, &intakev1.CancelRequested{}
	asked, given, ended := &intakev1.AuthorisationRequested{}, &intakev1.AuthorisationGiven{}, &intakev1.AuthorisationEnded{}
	changed, recorded := &gatewayv1.PrincipalChanged{}, &addressv1.ArchiveMembershipsRecorded{}
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
		{Name: "authorisation", Key: "id", Founded: audit.Kinds(asked), Columns: []audit.Column{
			{Name: "agent", From: []audit.Source{audit.Of(asked, "agent")}},
			{Name: "sender", From: []audit.Source{audit.Of(asked, "sender")}},
			{Name: "purpose", From: []audit.Source{audit.Of(asked, "purpose")}},
			{Name: "request_id", From: []audit.Source{audit.Of(asked, "request_id")}},
			{Name: "digest", From: []audit.Source{audit.Of(asked, "digest")}},
			{Name: "asked_at", From: []audit.Source{audit.Of(asked, "")}},
			// What is signed may end sooner than what was asked for.
			{Name: "expires_at", Take: audit.Least, From: []audit.Source{audit.Of(asked, "expires_at"), audit.Of(given, "expires_at")}},
			{Name: "given_at", From: []audit.Source{audit.Of(given, "")}},
			{Name: "session", From: []audit.Source{audit.Of(given, "session")}},
			{Name: "ended_at", From: []audit.Source{audit.Of(ended, "")}},
			{Name: "ended_as", From: []audit.Source{audit.Of(ended, "end")}},
		}},
		{Name: "principal", Key: "id", Frame: "frame_id", Founded: audit.Kinds(changed), Columns: []audit.Column{
			{Name: "kind", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "kind")}},
			{Name: "suspended", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "suspended")}},
			{Name: "address", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "address")}},
			{Name: "senders", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "senders")}},
			{Name: "hosts", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "hosts")}},
			{Name: "keys", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "authorisation_keys")}},
			{Name: "name", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "name")}},
		}},
		{Name: "archive_membership", Key: "principal", Frame: "frame_id", Founded: audit.Kinds(recorded), Columns: []audit.Column{
			{Name: "sealed", Take: audit.Newest, From: []audit.Source{audit.Of(recorded, "sealed_memberships")}},
		}},
	}
}

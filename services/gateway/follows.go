package gateway

import (
	"github.com/naru-relay/naru/pkg/audit"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	changed, named := &gatewayv1.PrincipalChanged{}, &gatewayv1.ViewingSystemNamed{}
	made, revoked := &gatewayv1.ClientCreated{}, &gatewayv1.ClientRevoked{}
	return []audit.Table{
		{Name: "principal", Key: "id", Where: "kind <> 'admin'", Founded: audit.Kinds(changed), Columns: []audit.Column{
			// A viewing system's name stays here, an agent's is stated.
			{Name: "name", Take: audit.Newest, From: []audit.Source{audit.Of(named, "name"), audit.Of(changed, "name")}},
			{Name: "suspended", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "suspended")}},
			{Name: "senders", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "senders")}},
			{Name: "hosts", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "hosts")}},
			{Name: "authorisation_keys", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "authorisation_keys")}},
			{Name: "version", Take: audit.Count, From: []audit.Source{audit.Of(changed, "")}},
			{Name: "created_at", From: []audit.Source{audit.Of(changed, "")}},
		}},
		{Name: "client", Key: "id", Founded: audit.Kinds(made), Columns: []audit.Column{
			{Name: "principal", From: []audit.Source{audit.Of(made, "principal")}},
			{Name: "created_at", From: []audit.Source{audit.Of(made, "")}},
			{Name: "revoked_at", From: []audit.Source{audit.Of(revoked, "")}},
		}},
	}
}

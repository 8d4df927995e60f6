package gateway

import (
	"github.com/naru-relay/naru/pkg/audit"
	gatewayv1 "github.com/naru-relay/naru/proto/gen/naru/gateway/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	changed := &gatewayv1.PrincipalChanged{}
	return []audit.Table{
		{Name: "principal", Key: "id", Where: "kind <> 'admin'", Founded: audit.Kinds(changed), Columns: []audit.Column{
			{Name: "suspended", Take: audit.Newest, From: []audit.Source{audit.Of(changed, "suspended")}},
		}},
	}
}

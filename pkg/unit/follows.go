package unit

import (
	"github.com/naru-relay/naru/pkg/audit"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// follows says which rows of the platform's tables follow from which facts, in every unit.
func follows() []audit.Table {
	placed, released := &platformv1.LegalHoldPlaced{}, &platformv1.LegalHoldReleased{}
	return []audit.Table{
		{Name: "legal_hold", Key: "id", Where: "action = 'placed'", Founded: audit.Kinds(placed), Columns: []audit.Column{
			{Name: "subject", From: []audit.Source{audit.Of(placed, "subject")}},
			{Name: "reference", From: []audit.Source{audit.Of(placed, "reference")}},
		}},
		{Name: "legal_hold", Key: "id", Where: "action = 'released'", Founded: audit.Kinds(released), Columns: []audit.Column{
			{Name: "subject", From: []audit.Source{audit.Of(released, "subject")}},
			{Name: "reference", From: []audit.Source{audit.Of(released, "reference")}},
		}},
	}
}

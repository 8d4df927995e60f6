package circulation

import (
	"github.com/naru-relay/naru/pkg/audit"
	circulationv1 "github.com/naru-relay/naru/proto/gen/naru/circulation/v1"
	deliveryv1 "github.com/naru-relay/naru/proto/gen/naru/delivery/v1"
	viewingv1 "github.com/naru-relay/naru/proto/gen/naru/viewing/v1"
)

// follows says which rows follow from which facts.
func follows() []audit.Table {
	received, read := &deliveryv1.DocumentReceived{}, &viewingv1.DocumentRead{}
	registered, readRegistered := &circulationv1.CirculationRegistered{}, &circulationv1.ReadTimeRegistered{}
	return []audit.Table{
		{Name: "circulation_record", Key: "edoc_num", Founded: audit.Kinds(received, read), Columns: []audit.Column{
			{Name: "registrar", From: []audit.Source{audit.Of(received, "facts.registrar")}},
			{Name: "recipient", From: []audit.Source{audit.Of(received, "facts.recipient")}},
			{Name: "from_address", From: []audit.Source{audit.Of(received, "facts.from.address")}},
			{Name: "to_address", From: []audit.Source{audit.Of(received, "facts.to.address")}},
			{Name: "sent_at", From: []audit.Source{audit.Of(received, "facts.sent_at")}},
			{Name: "received_at", From: []audit.Source{audit.Of(received, "facts.received_at")}},
			{Name: "read_at", From: []audit.Source{audit.Of(read, "read_at")}},
			{Name: "registration_acknowledged_at", From: []audit.Source{audit.Of(registered, "acknowledged_at")}},
			{Name: "read_time_acknowledged_at", From: []audit.Source{audit.Of(readRegistered, "acknowledged_at")}},
		}},
	}
}

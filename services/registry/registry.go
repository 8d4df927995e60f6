// Package registry is the list of the units of a relay. A unit is its folder and its line here; what is said of all units (the
// doors' offers, settings, accounts of the bus, roles of the database, binaries, lists in the documentation) follows from both.
package registry

import (
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/address"
	"github.com/naru-relay/naru/services/certificate"
	"github.com/naru-relay/naru/services/circulation"
	"github.com/naru-relay/naru/services/delivery"
	"github.com/naru-relay/naru/services/gateway"
	"github.com/naru-relay/naru/services/hub"
	"github.com/naru-relay/naru/services/intake"
	"github.com/naru-relay/naru/services/status"
	"github.com/naru-relay/naru/services/viewing"
)

// behind are the units behind the doors.
func behind() []unit.Unit {
	return []unit.Unit{
		hub.Unit,
		address.Unit,
		intake.Unit,
		delivery.Unit,
		viewing.Unit,
		circulation.Unit,
		status.Unit,
		certificate.Unit,
	}
}

// Units are all units of a relay, the gateway last.
func Units() []unit.Unit { return append(behind(), Gateway()) }

// Gateway is the unit with the doors, which offers what the others do.
func Gateway() unit.Unit { return gateway.New(behind()...) }

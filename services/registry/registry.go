// Package registry lists the units of a relay. A unit is its folder and its line here. Everything said about all units (offers of
// the doors, settings, bus accounts, database roles, binaries, lists in the documentation) is derived from these two.
package registry

import (
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/address"
	"github.com/naru-relay/naru/services/archive"
	"github.com/naru-relay/naru/services/certificate"
	"github.com/naru-relay/naru/services/circulation"
	"github.com/naru-relay/naru/services/content"
	"github.com/naru-relay/naru/services/delivery"
	"github.com/naru-relay/naru/services/gateway"
	"github.com/naru-relay/naru/services/hub"
	"github.com/naru-relay/naru/services/intake"
	"github.com/naru-relay/naru/services/status"
	"github.com/naru-relay/naru/services/viewing"
	"github.com/naru-relay/naru/services/web"
)

// behind returns the units behind the doors.
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
		content.Unit,
		archive.Unit,
		web.Unit,
	}
}

// Units returns all units of a relay, the gateway last.
func Units() []unit.Unit { return append(behind(), Gateway()) }

// Gateway returns the unit with the doors, which offers the services of the other units.
func Gateway() unit.Unit { return gateway.New(behind()...) }

package allinone

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

// Units are all units of a relay.
func Units() []unit.Unit {
	return []unit.Unit{
		hub.Unit, address.Unit, intake.Unit, delivery.Unit, viewing.Unit, circulation.Unit, status.Unit, certificate.Unit, gateway.Unit,
	}
}

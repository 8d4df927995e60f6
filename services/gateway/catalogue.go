package gateway

import (
	"context"
	"fmt"
	"slices"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/naru-relay/naru/pkg/gateway"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/unit"
	platformv1 "github.com/naru-relay/naru/proto/gen/naru/platform/v1"
)

// catalogue is everything that the gateway offers, as the units describe it.
type catalogue struct {
	// units are those that a call of a common service can name.
	units []string
	// services in the order of the units; those that every unit offers come last.
	services []offered
	// methods are the public and open RPCs by their full method names.
	methods map[string]target
}

// offered is a service that callers can reach through the gateway.
type offered struct {
	// unit serves it; empty if every unit does and the call names one.
	unit    string
	service protoreflect.ServiceDescriptor
	// rest puts its routes on a mux; nil where it has none.
	rest func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error
}

// target is a method that the gateway forwards.
type target struct {
	unit   string
	rule   *platformv1.Access
	bounds rpc.Bounds
	// file is how the method streams a file; nil where it is unary.
	file *gateway.File
	// input is the request message.
	input protoreflect.MessageDescriptor
}

// newCatalogue collects what units offer.
func newCatalogue(units ...unit.Unit) (*catalogue, error) {
	c := &catalogue{methods: make(map[string]target)}
	for _, u := range units {
		c.units = append(c.units, u.Name)
		if err := c.add(u.Name, u.Doors); err != nil {
			return nil, err
		}
	}
	return c, c.add("", unit.PlatformDoors())
}

func (c *catalogue) add(unit string, doors []unit.Door) error {
	for _, d := range doors {
		service, err := rpc.ServiceOf(d.Service)
		if err != nil {
			return fmt.Errorf("open the doors: %w", err)
		}
		c.services = append(c.services, offered{unit: unit, service: service, rest: d.REST})
		for i := range service.Methods().Len() {
			method := service.Methods().Get(i)
			rule, err := rpc.AccessOf(method)
			if err != nil {
				return fmt.Errorf("open the doors: %w", err)
			}
			if !rpc.Public(rule) {
				continue
			}
			to := target{unit: unit, rule: rule, input: method.Input()}
			if to.bounds, err = rpc.BoundsOf(method); err != nil {
				return fmt.Errorf("open the doors: %w", err)
			}
			if to.file, err = gateway.FileOf(method); err != nil {
				return fmt.Errorf("open the doors: %w", err)
			}
			switch streams := method.IsStreamingClient() || method.IsStreamingServer(); {
			case streams && to.file == nil:
				return fmt.Errorf("open the doors: %s streams what is no file, which they do not pass on", method.FullName())
			case streams && unit == "":
				return fmt.Errorf("open the doors: %s streams a file, and no unit is named for it", method.FullName())
			}
			c.methods[rpc.FullMethod(method)] = to
		}
	}
	return nil
}

// has reports whether there is such a unit.
func (c *catalogue) has(unit string) bool { return slices.Contains(c.units, unit) }

// GetServiceInfo names the services, for server reflection.
func (c *catalogue) GetServiceInfo() map[string]grpc.ServiceInfo {
	services := map[string]grpc.ServiceInfo{"grpc.health.v1.Health": {}}
	for _, o := range c.services {
		services[string(o.service.FullName())] = grpc.ServiceInfo{}
	}
	return services
}

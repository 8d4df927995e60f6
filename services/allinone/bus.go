package allinone

import (
	"net"
	"strconv"

	"github.com/naru-relay/naru/pkg/bus"
	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/registry"
)

const busAdmin = "admin"

// StartBus starts the bus of a relay's folder in this process, for a relay of another process whose units run apart. The options
// say where, and of which cluster it is a node; the rest of them follows from the folder.
func StartBus(dir string, opts natsserver.Options) (*natsserver.Server, error) {
	f := folder(dir)
	if err := f.prepare(); err != nil {
		return nil, err
	}
	return openBus(f, registry.Units(), opts)
}

// openBus starts the embedded server with one user per unit, each with only its own rights. Units in processes of their own reach
// it over TCP, at the options' port.
func openBus(f folder, units []unit.Unit, opts natsserver.Options) (*natsserver.Server, error) {
	admin, err := f.secret("bus_admin_password")
	if err != nil {
		return nil, err
	}
	if opts.Dir == "" {
		opts.Dir = f.path("nats")
	}
	opts.Admin = natsserver.User{Name: busAdmin, Password: admin}
	for _, u := range units {
		password, err := f.secret(u.Name, "bus_password")
		if err != nil {
			return nil, err
		}
		opts.Users = append(opts.Users, natsserver.User{Name: u.Name, Password: password, Permissions: bus.PermissionsOf(u.Name, u.PublicKinds(), u.Reads)})
	}
	return natsserver.Start(opts)
}

// busURL is the server's address for units in processes of their own.
func busURL(server *natsserver.Server) string {
	port := 0
	if address, ok := server.Addr().(*net.TCPAddr); ok {
		port = address.Port
	}
	return "nats://127.0.0.1:" + strconv.Itoa(port)
}

package gateway

import (
	"context"

	"google.golang.org/grpc"

	"github.com/naru-relay/naru/pkg/gateway"
)

// perUnit is the connection of the services every unit has: a call goes to the unit its request names.
type perUnit struct {
	catalogue *catalogue
	dial      func(unit string) (grpc.ClientConnInterface, error)
}

// Invoke calls a unary RPC of the unit.
func (p perUnit) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	named, ok := args.(interface{ GetUnit() string })
	if !ok || !p.catalogue.has(named.GetUnit()) {
		return gateway.NoSuchRoute()
	}
	conn, err := p.dial(named.GetUnit())
	if err != nil {
		return err
	}
	return conn.Invoke(ctx, method, args, reply, opts...)
}

// NewStream is not used: no RPC of these services streams.
func (perUnit) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, gateway.NoSuchRoute()
}

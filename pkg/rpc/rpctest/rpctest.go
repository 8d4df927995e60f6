// Package rpctest serves RPC handlers to a test as their unit would serve them: the real server with all its interceptors, over
// an in-memory channel, with callers that have real tokens.
package rpctest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/naru-relay/naru/pkg/authn"
	"github.com/naru-relay/naru/pkg/authn/authntest"
	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/rpc"
)

// Relay is a network of units inside one test.
type Relay struct {
	Network   *rpc.Local
	Authority *authntest.Authority
	clock     clock.Clock
}

// New makes a relay without units.
func New(t testing.TB, c clock.Clock) *Relay {
	t.Helper()
	r := &Relay{Network: rpc.NewLocal(), Authority: authntest.NewAuthority(t, c), clock: c}
	t.Cleanup(func() { _ = r.Network.Close() })
	return r
}

// Serve serves a unit until the test ends.
func (r *Relay) Serve(t testing.TB, unit string, register func(grpc.ServiceRegistrar)) {
	t.Helper()
	listener, creds, err := r.Network.Listen(unit)
	require.NoError(t, err)
	server, err := rpc.NewServer(rpc.ServerDeps{
		Unit: unit, Credentials: creds, Authn: r.Authority.Verifier(t), Clock: r.clock, Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	register(server)
	require.NoError(t, server.Check())
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		require.NoError(t, <-done)
	})
}

// From is the connection of the calling unit to the target.
func (r *Relay) From(t testing.TB, caller, target string) grpc.ClientConnInterface {
	t.Helper()
	conn, err := r.Network.Dial(caller, target)
	require.NoError(t, err)
	return conn
}

// As is a connection through the gateway with an access token of p.
func (r *Relay) As(t testing.TB, p authn.Principal, target string) grpc.ClientConnInterface {
	t.Helper()
	return r.Through(t, rpc.Gateway, p, target)
}

// Through is such a connection through another unit.
func (r *Relay) Through(t testing.TB, unit string, p authn.Principal, target string) grpc.ClientConnInterface {
	t.Helper()
	return &bearer{ClientConnInterface: r.From(t, unit, target), token: r.Authority.Token(t, p)}
}

// bearer adds an access token to every call.
type bearer struct {
	grpc.ClientConnInterface
	token string
}

// Invoke calls a unary RPC.
func (b *bearer) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	return b.ClientConnInterface.Invoke(b.with(ctx), method, args, reply, opts...)
}

// NewStream opens a stream.
func (b *bearer) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return b.ClientConnInterface.NewStream(b.with(ctx), desc, method, opts...)
}

func (b *bearer) with(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+b.token)
}

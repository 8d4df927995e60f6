package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/test/bufconn"
)

// channelBytes is the buffer of an in-memory channel in each direction.
const channelBytes = 1 << 20

// Local is the network of units in one process: in-memory channels whose transport credential carries the caller's name. It is
// safe for concurrent use.
type Local struct {
	connections

	mu        sync.Mutex
	listeners map[string]*bufconn.Listener
}

// NewLocal makes a network without units.
func NewLocal() *Local { return &Local{listeners: make(map[string]*bufconn.Listener)} }

// Listen opens the unit's channel; one listener of a unit at a time.
func (l *Local) Listen(unit string) (net.Listener, credentials.TransportCredentials, error) {
	if !validUnit(unit) {
		return nil, nil, fmt.Errorf("listening as %q: not a unit's name", unit)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners[unit] != nil {
		return nil, nil, fmt.Errorf("listening as %s: somebody does already", unit)
	}
	listener := bufconn.Listen(channelBytes)
	l.listeners[unit] = listener
	return &localListener{Listener: listener, network: l, unit: unit}, localCredentials{}, nil
}

// Dial gives the channel from self to target.
func (l *Local) Dial(self, target string, opts ...ClientOption) (grpc.ClientConnInterface, error) {
	return l.get(self, target, func() (*grpc.ClientConn, error) {
		return newClient("passthrough:///"+target, localCredentials{self: self}, func(ctx context.Context, _ string) (net.Conn, error) {
			return l.connect(ctx, target)
		}, opts)
	})
}

// connect looks up the target's listener each time, so that a unit that was restarted is found again.
func (l *Local) connect(ctx context.Context, target string) (net.Conn, error) {
	l.mu.Lock()
	listener := l.listeners[target]
	l.mu.Unlock()
	if listener == nil {
		return nil, fmt.Errorf("connecting to %s: it is not up", target)
	}
	return listener.DialContext(ctx)
}

// localListener leaves the network when it is closed.
type localListener struct {
	*bufconn.Listener
	network *Local
	unit    string
	once    sync.Once
}

// Close ends listening; the unit may listen again afterwards.
func (l *localListener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.listeners, l.unit)
	})
	return l.Listener.Close()
}

// localCredentials send the caller's name over an in-memory channel before anything else: one length byte and the name. Both ends
// are this process, so the name needs no proof.
type localCredentials struct{ self string }

// localInfo is what the server knows of an in-memory channel.
type localInfo struct {
	credentials.CommonAuthInfo
	unit string
}

// AuthType names the mechanism.
func (localInfo) AuthType() string { return "naru-local" }

func (c localCredentials) ClientHandshake(ctx context.Context, _ string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	stop := closeOnEnd(ctx, conn)
	_, err := conn.Write(append([]byte{byte(len(c.self))}, c.self...))
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("naming the caller: %w", err)
	}
	return conn, c.info(""), nil
}

func (c localCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	var length [1]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, nil, fmt.Errorf("reading the caller's name: %w", err)
	}
	name := make([]byte, length[0])
	if _, err := io.ReadFull(conn, name); err != nil {
		return nil, nil, fmt.Errorf("reading the caller's name: %w", err)
	}
	if !validUnit(string(name)) {
		return nil, nil, errors.New("reading the caller's name: it is none")
	}
	return conn, c.info(string(name)), nil
}

func (localCredentials) info(unit string) localInfo {
	return localInfo{CommonAuthInfo: credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, unit: unit}
}

// Info describes the protocol.
func (localCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "naru-local"}
}

// Clone copies the credentials.
func (c localCredentials) Clone() credentials.TransportCredentials { return c }

// OverrideServerName has no meaning here.
func (localCredentials) OverrideServerName(string) error { return nil }

// closeOnEnd closes conn when ctx ends. The returned function undoes that; it returns false when it was too late.
func closeOnEnd(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = conn.Close() })
}

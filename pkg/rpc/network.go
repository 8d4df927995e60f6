package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Network knows where the units are.
type Network interface {
	// Listen opens the place where the unit can be reached. The caller serves on the listener and closes it.
	Listen(unit string) (net.Listener, credentials.TransportCredentials, error)
	// Dial returns the connection on which self calls target. It connects at the first call, so the target need not be up yet.
	// All who ask for the same pair share the connection, and the network closes it.
	Dial(self, target string, opts ...ClientOption) (grpc.ClientConnInterface, error)
	// Close closes every connection Dial gave.
	Close() error
}

// connections are the client connections of a network, by caller and target.
type connections struct {
	mu     sync.Mutex
	byPair map[[2]string]*grpc.ClientConn
	closed bool
}

// get gives the connection of the pair, making it when there is none.
func (c *connections) get(self, target string, dial func() (*grpc.ClientConn, error)) (grpc.ClientConnInterface, error) {
	if !validUnit(self) || !validUnit(target) {
		return nil, fmt.Errorf("dialling from %q to %q: not names of units", self, target)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, fmt.Errorf("dialling from %s to %s: the network is closed", self, target)
	}
	if conn, ok := c.byPair[[2]string{self, target}]; ok {
		return conn, nil
	}
	conn, err := dial()
	if err != nil {
		return nil, fmt.Errorf("dialling from %s to %s: %w", self, target, err)
	}
	if c.byPair == nil {
		c.byPair = make(map[[2]string]*grpc.ClientConn)
	}
	c.byPair[[2]string{self, target}] = conn
	return conn, nil
}

// Close closes every connection.
func (c *connections) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	var err error
	for _, conn := range c.byPair {
		err = errors.Join(err, conn.Close())
	}
	c.byPair = nil
	return err
}

// dialer opens the transport under a connection.
type dialer func(ctx context.Context, address string) (net.Conn, error)

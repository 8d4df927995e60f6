package gateway

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// connections is a listener that closes at once what is over the number of connections, in all or of one network address.
// Connections of a trusted proxy are many callers', so they count only in all.
type connections struct {
	net.Listener
	door    *door
	all     int
	perEach int

	mu   sync.Mutex
	open int
	of   map[string]int
}

func limitConnections(l net.Listener, d *door, c LimitsConfig) *connections {
	return &connections{Listener: l, door: d, all: c.Connections, perEach: c.ConnectionsPerAddress, of: make(map[string]int)}
}

// Accept gives the next connection that is within the numbers.
func (c *connections) Accept() (net.Conn, error) {
	for {
		conn, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		origin := c.origin(conn)
		if c.enter(origin) {
			return &counted{Conn: conn, leave: sync.OnceFunc(func() { c.leave(origin) })}, nil
		}
		c.door.metrics.refused.Add(context.Background(), 1, metric.WithAttributes(attribute.String("door", c.door.name), attribute.String("reason", "TOO_MANY_CONNECTIONS")))
		_ = conn.Close()
	}
}

// origin is whose connection it is, empty for a trusted proxy's.
func (c *connections) origin(conn net.Conn) string {
	remote := conn.RemoteAddr().String()
	if from, err := netip.ParseAddrPort(remote); err == nil && c.door.proxies.Trust(from.Addr().Unmap()) {
		return ""
	}
	return c.door.proxies.Of(remote, nil)
}

func (c *connections) enter(origin string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.all || (origin != "" && c.of[origin] >= c.perEach) {
		return false
	}
	c.open++
	if origin != "" {
		c.of[origin]++
	}
	return true
}

func (c *connections) leave(origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if origin == "" {
		return
	}
	if c.of[origin]--; c.of[origin] == 0 {
		delete(c.of, origin)
	}
}

// counted leaves the numbers when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (c *counted) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

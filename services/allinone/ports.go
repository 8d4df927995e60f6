package allinone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Free ports come from below the range of outgoing connections, so that no such connection takes a port between the check and its
// use.
const (
	firstFreePort = 20000
	lastFreePort  = 32000
	portBlock     = 64
	blockTries    = 100
)

// errNoPort says that the block has no free port left.
var errNoPort = errors.New("no free port is left")

// ports hands out free ports, each once. They come from a block whose first port stays bound while the relay lives. So no other
// relay on this machine gets a port on which this relay has yet to listen.
type ports struct {
	claim     net.Listener
	next, end int
}

// take returns a free port of the host.
func (p *ports) take(ctx context.Context, host string) (int, error) {
	if p.claim == nil {
		if err := p.open(ctx); err != nil {
			return 0, err
		}
	}
	for ; p.next < p.end; p.next++ {
		listener, err := listen(ctx, host, p.next)
		if err != nil {
			continue
		}
		port := p.next
		p.next++
		return port, listener.Close()
	}
	return 0, errNoPort
}

// open claims a block by binding its first port.
func (p *ports) open(ctx context.Context) error {
	var last error
	for range blockTries {
		first := firstFreePort + portBlock*rand.IntN((lastFreePort-firstFreePort)/portBlock)
		if p.claim, last = listen(ctx, loopback, first); last == nil {
			p.next, p.end = first+1, first+portBlock
			return nil
		}
	}
	return fmt.Errorf("look for free ports: %w", last)
}

func (p *ports) close() error {
	if p.claim == nil {
		return nil
	}
	return p.claim.Close()
}

func listen(ctx context.Context, host string, port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}

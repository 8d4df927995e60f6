package allinone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Free ports are taken from below the range that outgoing connections use, so that none of those takes one between the look and
// the use.
const (
	firstFreePort = 20000
	lastFreePort  = 32000
	portBlock     = 64
	blockTries    = 100
)

// errNoPort: the block holds no free port any more.
var errNoPort = errors.New("no free port is left")

// ports hands out free ports, each once. They come from a block whose first port is held while the relay lives, so that no other
// relay of this machine is given one that this relay has yet to listen on.
type ports struct {
	claim     net.Listener
	next, end int
}

// take is a free port of the host.
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

// open claims a block.
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

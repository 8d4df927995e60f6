package allinone

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
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
// relay on this machine gets a port on which this relay has yet to listen. The block is kept in a file and taken again where it
// is free, so that settings that name ports stay true after a restart.
type ports struct {
	file      string // empty: not kept
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
	for try := range blockTries {
		first := firstFreePort + portBlock*rand.IntN((lastFreePort-firstFreePort)/portBlock)
		if kept := p.kept(); try == 0 && kept != 0 {
			first = kept
		}
		if p.claim, last = listen(ctx, loopback, first); last == nil {
			p.next, p.end = first+1, first+portBlock
			return p.keep(first)
		}
	}
	return fmt.Errorf("look for free ports: %w", last)
}

// kept is the block of an earlier start; 0 where there is none.
func (p *ports) kept() int {
	raw, err := os.ReadFile(p.file)
	if err != nil {
		return 0
	}
	first, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || first < firstFreePort || first >= lastFreePort || (first-firstFreePort)%portBlock != 0 {
		return 0
	}
	return first
}

func (p *ports) keep(first int) error {
	if p.file == "" {
		return nil
	}
	if err := os.WriteFile(p.file, []byte(strconv.Itoa(first)+"\n"), 0o600); err != nil {
		return fmt.Errorf("keep which ports were taken: %w", err)
	}
	return nil
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

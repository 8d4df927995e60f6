// Package link is a way between processes that can be cut, and that leads to one of several servers, as an address of a service
// does.
package link

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Severance is how a link fails.
type Severance string

const (
	// Whole: bytes pass.
	Whole Severance = "whole"
	// Refused: connections end and new ones are refused.
	Refused Severance = "refused"
	// Silent: connections stay, and nothing passes.
	Silent Severance = "silent"
)

// Link is the way to a server, or to several in turn. Its address stays, whatever becomes of them.
type Link struct {
	listener net.Listener

	mu      sync.Mutex
	targets []string
	turn    int
	state   Severance
	conns   map[net.Conn]struct{}
	// passes is closed while bytes may pass.
	passes chan struct{}
}

// errNowhere: nobody said where the server is.
var errNowhere = errors.New("the link leads nowhere")

// New makes a link at an address; with port 0 at a free one.
func New(ctx context.Context, address string) (*Link, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("make link: %w", err)
	}
	l := &Link{listener: listener, state: Whole, conns: map[net.Conn]struct{}{}, passes: make(chan struct{})}
	close(l.passes)
	go l.serve()
	return l, nil
}

// Address is where it begins.
func (l *Link) Address() string { return l.listener.Addr().String() }

// Lead says where the servers are now.
func (l *Link) Lead(targets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.targets = targets
}

// Sever changes the link's state.
func (l *Link) Sever(state Severance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case state == Silent && l.state != Silent:
		l.passes = make(chan struct{})
	case state != Silent && l.state == Silent:
		close(l.passes)
	}
	l.state = state
	if state == Refused {
		l.drop()
	}
}

// drop ends all connections. The caller holds the lock.
func (l *Link) drop() {
	for conn := range l.conns {
		_ = conn.Close()
	}
	clear(l.conns)
}

// Close ends it.
func (l *Link) Close() {
	l.listener.Close()
	l.Sever(Refused)
}

func (l *Link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.join(near)
	}
}

// join carries a connection on to the next server that takes it.
func (l *Link) join(near net.Conn) {
	defer func() { _ = near.Close() }()
	l.mu.Lock()
	targets, turn, state := l.targets, l.turn, l.state
	l.turn++
	l.mu.Unlock()
	if state == Refused {
		return
	}
	var dialer net.Dialer
	var far net.Conn
	err := errNowhere
	for n := 0; n < len(targets) && err != nil; n++ {
		far, err = dialer.DialContext(context.Background(), "tcp", targets[(turn+n)%len(targets)])
	}
	if err != nil {
		return
	}
	if !l.keep(near, far) {
		return
	}
	go l.carry(near, far)
	l.carry(far, near)
}

// keep remembers both ends, unless the link was cut meanwhile.
func (l *Link) keep(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		if l.state == Refused {
			_ = end.Close()
			continue
		}
		l.conns[end] = struct{}{}
	}
	return l.state != Refused
}

// carry passes bytes on, one way, and ends both connections when one has ended.
func (l *Link) carry(from, to net.Conn) {
	defer func() {
		_ = from.Close()
		_ = to.Close()
		l.mu.Lock()
		delete(l.conns, from)
		delete(l.conns, to)
		l.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		passes := l.passes
		l.mu.Unlock()
		<-passes
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

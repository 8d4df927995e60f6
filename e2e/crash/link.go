package main

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// severance is how a link fails.
type severance string

const (
	// whole: bytes pass.
	whole severance = "whole"
	// refused: connections end and new ones are refused.
	refused severance = "refused"
	// silent: connections stay, and nothing passes.
	silent severance = "silent"
)

// link is the way from the units to a server. Its address stays, whatever becomes of the server.
type link struct {
	listener net.Listener

	mu     sync.Mutex
	target string
	state  severance
	conns  map[net.Conn]struct{}
	// passes is closed while bytes may pass.
	passes chan struct{}
}

func newLink(ctx context.Context) (*link, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("make link: %w", err)
	}
	l := &link{listener: listener, state: whole, conns: map[net.Conn]struct{}{}, passes: make(chan struct{})}
	close(l.passes)
	go l.serve()
	return l, nil
}

func (l *link) address() string { return l.listener.Addr().String() }

// lead says where the server is now.
func (l *link) lead(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

// sever changes the link's state.
func (l *link) sever(state severance) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case state == silent && l.state != silent:
		l.passes = make(chan struct{})
	case state != silent && l.state == silent:
		close(l.passes)
	}
	l.state = state
	if state == refused {
		l.drop()
	}
}

// drop ends all connections. The caller holds the lock.
func (l *link) drop() {
	for conn := range l.conns {
		_ = conn.Close()
	}
	clear(l.conns)
}

func (l *link) close() {
	l.listener.Close()
	l.sever(refused)
}

func (l *link) serve() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		go l.join(near)
	}
}

// join carries a connection on to the server.
func (l *link) join(near net.Conn) {
	defer func() { _ = near.Close() }()
	l.mu.Lock()
	target, state := l.target, l.state
	l.mu.Unlock()
	if state == refused {
		return
	}
	var dialer net.Dialer
	far, err := dialer.DialContext(context.Background(), "tcp", target)
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
func (l *link) keep(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		if l.state == refused {
			_ = end.Close()
			continue
		}
		l.conns[end] = struct{}{}
	}
	return l.state != refused
}

// carry passes bytes on, one way, and ends both connections when one has ended.
func (l *link) carry(from, to net.Conn) {
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

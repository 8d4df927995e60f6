package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/services/allinone"
)

// busRole is the first argument of this program where it is a server of the bus; the others are the relay's folder, and in a
// cluster the node's name, its port for other nodes, and theirs.
const busRole = "bus"

// clusterSize is how many servers a cluster has, and how many hold each stream.
const clusterSize = 3

// serveBus is the life of a server of the bus: it tells its address, and ends when nobody can write to it any more.
func serveBus(ctx context.Context, args []string) error {
	opts := natsserver.Options{Port: -1}
	if len(args) > 1 {
		opts.Dir = filepath.Join(args[0], "nats", args[1])
		opts.Cluster = &natsserver.Cluster{Node: args[1]}
		for n, text := range strings.Split(args[2], ",") {
			port, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("ports of the cluster: %w", err)
			}
			if n == 0 {
				opts.Cluster.Port = port
				continue
			}
			opts.Cluster.Others = append(opts.Cluster.Others, port)
		}
	}
	server, err := allinone.StartBus(args[0], opts)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, server.Addr()); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Stop(ctx))
}

// busNode is a server of the bus, a process of its own behind a link.
type busNode struct {
	dir  string
	args []string
	// store is where it keeps its streams, where it is one of several.
	store string
	way   *link.Link

	mu    sync.Mutex
	child *lifecycle.Child
	input io.Closer
}

// newBus makes the servers of the bus, without starting them.
func newBus(ctx context.Context, dir string, size int) ([]*busNode, error) {
	ports, err := clusterPorts(size)
	if err != nil {
		return nil, err
	}
	nodes := make([]*busNode, size)
	for n := range nodes {
		way, err := link.New(ctx, anyPort)
		if err != nil {
			return nil, err
		}
		nodes[n] = &busNode{dir: dir, way: way, args: []string{dir}}
		if size == 1 {
			continue
		}
		name := fmt.Sprint("nats-", n+1)
		own := []string{ports[n]}
		for other, port := range ports {
			if other != n {
				own = append(own, port)
			}
		}
		nodes[n].args = append(nodes[n].args, name, strings.Join(own, ","))
		nodes[n].store = filepath.Join(dir, "nats", name)
	}
	return nodes, nil
}

// clusterPorts are below those of outgoing connections, which would take them while a node is dead.
func clusterPorts(size int) (ports []string, err error) {
	const first, span, tries = 12000, 6000, 1000
	for range tries {
		port := strconv.Itoa(first + rand.IntN(span))                           //nolint:gosec // a port is no secret
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)) //nolint:noctx // closed at once, nothing to cancel
		if err != nil {
			continue
		}
		listener.Close()
		if ports = append(ports, port); len(ports) == size {
			return ports, nil
		}
	}
	return nil, errors.New("no free ports for a cluster")
}

func (b *busNode) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), self, append([]string{busRole}, b.args...)...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	stdin, err1 := command.StdinPipe()
	read, write, err2 := os.Pipe()
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("start the bus: %w", err)
	}
	defer read.Close()
	command.Stdout = write
	child, err := lifecycle.StartChild(command)
	write.Close()
	if err != nil {
		return fmt.Errorf("start the bus: %w", err)
	}
	address := bufio.NewScanner(read)
	if !address.Scan() {
		return errors.New("the bus ended before it told its address")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.child, b.input = child, stdin
	b.way.Lead(address.Text())
	return nil
}

// replace starts it as a new machine of its name, which has nothing and gets all from the others.
func (b *busNode) replace(ctx context.Context) error {
	if err := os.RemoveAll(b.store); err != nil {
		return fmt.Errorf("take away what a node keeps: %w", err)
	}
	return b.start(ctx)
}

func (b *busNode) kill() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return kill(b.child.PID, b.child.Done())
}

func (b *busNode) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.child != nil {
		b.input.Close()
		<-b.child.Done()
	}
	b.way.Close()
}

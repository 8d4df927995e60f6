package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
)

// anyPort is a free port of this machine.
const anyPort = "127.0.0.1:0"

// servers are the relay's bus and database, each behind links, and the sandbox's database, which nobody kills.
type servers struct {
	// cluster: the bus is three servers that hold all streams, the database has a synchronous standby.
	cluster bool
	// full: bus and database have small disks, which are filled.
	full  bool
	disks disks
	// steps: the database has a clock that can be set.
	steps   bool
	clock   steppedClock
	bus     []*busNode
	storage *storage
	outside *pgserver.Server
	// struck counts the kills of single nodes of the bus.
	struck atomic.Int64
}

// Start starts all of them.
func (s *servers) Start(ctx context.Context, dir string, opts *allinone.Options) (err error) {
	opts.BusReplicas = 1
	if s.cluster {
		opts.BusReplicas = clusterSize
	}
	if s.full {
		if err := s.disks.mount(dir); err != nil {
			return err
		}
	}
	if s.bus, err = newBus(ctx, dir, opts.BusReplicas); err != nil {
		return err
	}
	if err := s.startBus(ctx); err != nil {
		return err
	}
	var environment []string
	if s.steps {
		if environment, err = s.clock.prepare(dir); err != nil {
			return err
		}
	}
	if s.storage, err = newStorage(ctx, dir, s.cluster, environment...); err != nil {
		return err
	}
	if s.outside, err = allinone.StartPostgres(ctx, filepath.Join(dir, "outside"), quiet()); err != nil {
		return err
	}
	var ways []string
	for _, node := range s.bus {
		ways = append(ways, "nats://"+node.way.Address())
	}
	opts.SandboxDatabaseURL, opts.BusURL = s.outside.SuperURL("postgres"), strings.Join(ways, ",")
	opts.DatabaseURL, err = s.storage.url()
	return err
}

// startBus starts all servers of the bus at the same time: those of a cluster wait for each other.
func (s *servers) startBus(ctx context.Context) error {
	var group errgroup.Group
	for _, node := range s.bus {
		group.Go(func() error { return node.start(ctx) })
	}
	return group.Wait()
}

// kill ends a process at once, tells whether it had been alive, and waits until it is gone.
func kill(pid int, done <-chan struct{}) bool {
	select {
	case <-done:
		return false
	default:
	}
	hit := syscall.Kill(pid, syscall.SIGKILL) == nil
	<-done
	return hit
}

// killBus kills a server of the bus and gives what starts it again. In a cluster each in turn is hit, and the first is replaced.
func (s *servers) killBus() (hit bool, restart func(ctx context.Context) error) {
	n := int(s.struck.Add(1) - 1)
	node := s.bus[n%len(s.bus)]
	if s.cluster && n == 0 {
		return node.kill(), node.replace
	}
	return node.kill(), node.start
}

// killWholeBus kills all servers of the bus.
func (s *servers) killWholeBus() (hit bool, restart func(ctx context.Context) error) {
	killed := make([]*busNode, 0, len(s.bus))
	for _, node := range s.bus {
		if node.kill() {
			killed = append(killed, node)
		}
	}
	return len(killed) > 0, func(ctx context.Context) error {
		var group errgroup.Group
		for _, node := range killed {
			group.Go(func() error { return node.start(ctx) })
		}
		return group.Wait()
	}
}

// sever cuts the units off from the bus or the database.
func (s *servers) sever(what string, state link.Severance) {
	if what == theDatabase {
		s.storage.sever(state)
		return
	}
	for _, node := range s.bus {
		node.way.Sever(state)
	}
}

// Stop stops all of them.
func (s *servers) Stop(ctx context.Context) error {
	var problems []error
	for _, node := range s.bus {
		node.stop()
	}
	if s.storage != nil {
		problems = append(problems, s.storage.stop(ctx))
	}
	if s.outside != nil {
		problems = append(problems, s.outside.Stop(ctx))
	}
	return errors.Join(append(problems, s.disks.close())...)
}

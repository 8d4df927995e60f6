package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/natsserver"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
)

// busRole is the first argument of this program where it is the bus.
const busRole = "bus"

// serveBus is the bus's life: it tells its address, and ends when nobody can write to it any more.
func serveBus(ctx context.Context, dir string) error {
	server, err := allinone.StartBus(dir, natsserver.Options{Port: -1})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(os.Stdout, server.Addr()); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return errors.Join(err, server.Stop(ctx))
}

// servers are the relay's bus and database, each behind a link, and the sandbox's database, which nobody kills.
type servers struct {
	dir       string
	bus       *lifecycle.Child
	busInput  io.Closer
	database  *pgserver.Server
	outside   *pgserver.Server
	toBus     *link.Link
	toStorage *link.Link
	mu        sync.Mutex
}

// Start starts all of them.
func (s *servers) Start(ctx context.Context, dir string, opts *allinone.Options) (err error) {
	s.dir = dir
	if s.toBus, err = link.New(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	if s.toStorage, err = link.New(ctx, "127.0.0.1:0"); err != nil {
		return err
	}
	if err := s.startBus(ctx); err != nil {
		return err
	}
	if err := s.startDatabase(ctx); err != nil {
		return err
	}
	if s.outside, err = allinone.StartPostgres(ctx, filepath.Join(dir, "outside"), quiet()); err != nil {
		return err
	}
	super, err := url.Parse(s.database.SuperURL("postgres"))
	if err != nil {
		return errors.New("the database's URL cannot be read")
	}
	super.Host = s.toStorage.Address()
	opts.DatabaseURL, opts.SandboxDatabaseURL, opts.BusURL = super.String(), s.outside.SuperURL("postgres"), "nats://"+s.toBus.Address()
	return nil
}

func (s *servers) startBus(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(context.WithoutCancel(ctx), self, busRole, s.dir)
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bus, s.busInput = child, stdin
	s.toBus.Lead(address.Text())
	return nil
}

func (s *servers) startDatabase(ctx context.Context) error {
	server, err := allinone.StartPostgres(ctx, s.dir, quiet())
	if err != nil {
		return err
	}
	at, err := url.Parse(server.SuperURL("postgres"))
	if err != nil {
		return errors.New("the database's URL cannot be read")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.database = server
	s.toStorage.Lead(at.Host)
	return nil
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

func (s *servers) killBus() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return kill(s.bus.PID, s.bus.Done())
}

func (s *servers) killDatabase() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return kill(s.database.PID(), s.database.Done())
}

// Stop stops all of them.
func (s *servers) Stop(ctx context.Context) error {
	var problems []error
	if s.bus != nil {
		s.busInput.Close()
		<-s.bus.Done()
	}
	for _, server := range []*pgserver.Server{s.database, s.outside} {
		if server != nil {
			problems = append(problems, server.Stop(ctx))
		}
	}
	for _, l := range []*link.Link{s.toBus, s.toStorage} {
		if l != nil {
			l.Close()
		}
	}
	return errors.Join(problems...)
}

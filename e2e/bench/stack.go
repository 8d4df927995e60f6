package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
)

// Names of the server's databases and of the bench's own connections.
const (
	unitsDatabase   = "naru"
	sandboxDatabase = "naru_sandbox"
	benchName       = "naru-bench"
)

// stack is what is measured: PostgreSQL, the relay as narud starts it, and the sandbox, each in a process of its own. The
// superuser's connection is used only for counting.
type stack struct {
	allinone.Endpoints

	dir            string
	clock          clock.Clock
	log            *os.File
	server         *pgserver.Server
	relay, sandbox *process
	// told is the relay's answer at its start.
	told     started
	superURL *url.URL
	db       *pgxpool.Pool
}

// startStack starts everything in a new folder.
func startStack(ctx context.Context, o options, now clock.Clock) (_ *stack, err error) {
	dir, err := os.MkdirTemp(o.dir, "naru-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	s := &stack{dir: dir, clock: now}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop(context.WithoutCancel(ctx)), os.RemoveAll(dir))
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the private PostgreSQL's user has to pass
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if s.log, err = os.Create(filepath.Join(dir, "narud.log")); err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	if s.server, err = allinone.StartPostgres(ctx, dir, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	if s.superURL, err = url.Parse(s.server.SuperURL(unitsDatabase)); err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	// Known before anything listens: the sandbox is told where the relay will be.
	free, err := freeAddresses(ctx, 2)
	if err != nil {
		return nil, err
	}
	j := job{Dir: dir, DatabaseURL: s.server.SuperURL("postgres"), REST: free[0], Web: free[1], SampleRatio: o.sampleRatio}
	var first started
	if s.sandbox, first, err = spawn(sandboxRole, j, s.log); err != nil {
		return nil, err
	}
	j.Sandbox = first.URLs
	if s.relay, s.told, err = spawn(relayRole, j, s.log); err != nil {
		return nil, err
	}
	s.Endpoints = s.told.Endpoints
	s.db, err = s.connect(ctx, unitsDatabase, 1)
	return s, err
}

// connect opens superuser connections under the bench's own name.
func (s *stack) connect(ctx context.Context, database string, conns int32) (*pgxpool.Pool, error) {
	address := *s.superURL
	address.Path = "/" + database
	config, err := pgxpool.ParseConfig(address.String())
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	config.MinConns, config.MaxConns = conns, conns
	config.ConnConfig.RuntimeParams["application_name"] = benchName
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", database, err)
	}
	return pool, nil
}

// freeAddresses finds ports below the range of outgoing connections, so that no such connection takes them first.
func freeAddresses(ctx context.Context, count int) (free []string, err error) {
	var last error
	for port := 24000 + os.Getpid()%1000; port < 26000 && len(free) < count; port++ {
		var listen net.ListenConfig
		listener, err := listen.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			last = err
			continue
		}
		free = append(free, listener.Addr().String())
		if err := listener.Close(); err != nil {
			return nil, fmt.Errorf("look for a free port: %w", err)
		}
	}
	if len(free) < count {
		return nil, fmt.Errorf("look for a free port: %w", last)
	}
	return free, nil
}

// checkpoint writes all changed pages to disk now, so that a measurement does not pay for earlier changes.
func (s *stack) checkpoint(ctx context.Context) error {
	if _, err := s.db.Exec(ctx, "checkpoint"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// stop ends every process; the folder stays.
func (s *stack) stop(ctx context.Context) error {
	var problems []error
	if s.db != nil {
		s.db.Close()
	}
	for _, p := range []*process{s.relay, s.sandbox} {
		if p != nil {
			problems = append(problems, p.stop())
		}
	}
	if s.server != nil {
		problems = append(problems, s.server.Stop(ctx))
	}
	s.db, s.relay, s.sandbox, s.server = nil, nil, nil, nil
	return errors.Join(problems...)
}

// say reports the progress of the run.
func (s *stack) say(format string, about ...any) {
	fmt.Fprintf(os.Stderr, s.clock.Now().Format("15:04:05 ")+format+"\n", about...)
}

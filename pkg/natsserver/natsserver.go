// Package natsserver runs an embedded NATS server with JetStream for one machine: the same server, streams and permissions as a
// cluster has, without another process to install.
//
// JetStream writes every acknowledged message to disk before it answers (sync always): an acknowledged frame is not lost when the
// process or the machine stops. Each unit has a user of its own that may publish its own subjects and read its own consumers
// only.
package natsserver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/naru-relay/naru/pkg/bus"
)

// Options of a server.
type Options struct {
	// Dir holds the streams.
	Dir string
	// Port on 127.0.0.1 for units in other processes; 0 for none (in-process connections only), -1 for a free one.
	Port int
	// Admin may do everything: it makes streams and consumers.
	Admin User
	// Users are the units.
	Users []User
}

// User is one account of the server.
type User struct {
	Name, Password string
	Permissions    bus.Permissions
}

// Server is a running server.
type Server struct {
	*server.Server
}

const startTimeout = 20 * time.Second

// Start starts a server and waits until it takes connections.
func Start(opts Options) (*Server, error) {
	if opts.Dir == "" || opts.Admin.Password == "" {
		return nil, errors.New("start nats server: folder and admin password are required")
	}
	users := []*server.User{{Username: opts.Admin.Name, Password: opts.Admin.Password}}
	for _, u := range opts.Users {
		users = append(users, &server.User{Username: u.Name, Password: u.Password, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: u.Permissions.Publish},
			Subscribe: &server.SubjectPermission{Allow: u.Permissions.Subscribe},
		}})
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "naru", Host: "127.0.0.1", Port: opts.Port, DontListen: opts.Port == 0,
		JetStream: true, StoreDir: opts.Dir, SyncAlways: true, NoSigs: true, NoLog: true, Users: users,
		MaxPayload: 1 << 20, WriteDeadline: 10 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("configure nats server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("nats server in %s did not get ready within %s", opts.Dir, startTimeout)
	}
	return &Server{s}, nil
}

// Stop shuts the server down and waits for it within ctx.
func (s *Server) Stop(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.Shutdown()
		s.WaitForShutdown()
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop nats server: %w", ctx.Err())
	}
}

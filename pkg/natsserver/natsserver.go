// Package natsserver runs an embedded NATS server with JetStream for one machine: the same server, streams and permissions as a
// cluster has, without another process to install.
//
// JetStream writes every acknowledged message to disk before it answers (sync always): an acknowledged frame is not lost when the
// process or the machine stops. Each unit has a user of its own that may publish its own subjects and read its own consumers
// only.
//
// JetStream remembers a failed write for good, e.g. on a full disk: the stream takes nothing more, and answers nobody. The server
// is therefore watched (keep.go) and started anew in its place once there is room.
package natsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
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
	// Cluster makes it a node of a cluster; nil: it stands alone.
	Cluster *Cluster
	// Admin may do everything: it makes streams and consumers.
	Admin User
	// Users are the units.
	Users []User
	// Log is told when the server cannot write and when it was started anew; nil discards that.
	Log *slog.Logger
}

// Cluster is a node's place in a cluster on 127.0.0.1, without encryption between the nodes: for tests.
type Cluster struct {
	// Node is its name, unique in the cluster.
	Node string
	// Port for the other nodes.
	Port int
	// Others are the other nodes' ports.
	Others []int
}

// User is one account of the server.
type User struct {
	Name, Password string
	Permissions    bus.Permissions
}

// Server is a running server. Started anew, it is the same at the same address.
type Server struct {
	opts    Options
	dismiss context.CancelFunc
	kept    chan struct{}

	mu      sync.Mutex
	current *server.Server
}

const startTimeout = 20 * time.Second

// Start starts a server and waits until it takes connections.
func Start(opts Options) (*Server, error) {
	if opts.Dir == "" || opts.Admin.Password == "" {
		return nil, errors.New("start nats server: folder and admin password are required")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	current, err := launch(opts)
	if err != nil {
		return nil, err
	}
	if address, ok := current.Addr().(*net.TCPAddr); ok {
		opts.Port = address.Port
	}
	watched, dismiss := context.WithCancel(context.Background())
	s := &Server{opts: opts, dismiss: dismiss, kept: make(chan struct{}), current: current}
	go func() {
		defer close(s.kept)
		s.keep(watched)
	}()
	return s, nil
}

func launch(opts Options) (*server.Server, error) {
	users := []*server.User{{Username: opts.Admin.Name, Password: opts.Admin.Password}}
	for _, u := range opts.Users {
		users = append(users, &server.User{Username: u.Name, Password: u.Password, Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: u.Permissions.Publish},
			Subscribe: &server.SubjectPermission{Allow: u.Permissions.Subscribe},
		}})
	}
	settings := &server.Options{
		ServerName: "naru", Host: "127.0.0.1", Port: opts.Port, DontListen: opts.Port == 0,
		JetStream: true, StoreDir: opts.Dir, SyncAlways: true, NoSigs: true, NoLog: true, Users: users,
		MaxPayload: 1 << 20, WriteDeadline: 10 * time.Second,
	}
	if c := opts.Cluster; c != nil {
		settings.ServerName = c.Node
		// Clients know the addresses they need, and each is told to them as it is to be reached.
		settings.Cluster = server.ClusterOpts{Name: "naru", Host: "127.0.0.1", Port: c.Port, NoAdvertise: true}
		for _, port := range c.Others {
			settings.Routes = append(settings.Routes, &url.URL{Scheme: "nats-route", Host: net.JoinHostPort("127.0.0.1", fmt.Sprint(port))})
		}
	}
	s, err := server.NewServer(settings)
	if err != nil {
		return nil, fmt.Errorf("configure nats server: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("nats server in %s did not get ready within %s", opts.Dir, startTimeout)
	}
	return s, nil
}

func (s *Server) running() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// InProcessConn connects a client of this process.
func (s *Server) InProcessConn() (net.Conn, error) { return s.running().InProcessConn() }

// Addr is where clients of other processes connect; nil for none.
func (s *Server) Addr() net.Addr { return s.running().Addr() }

// SyncsAlways reports whether every acknowledged message is on disk before it is acknowledged.
func (s *Server) SyncsAlways() bool {
	config := s.running().JetStreamConfig()
	return config != nil && config.SyncAlways
}

// Stop shuts the server down and waits for it within ctx.
func (s *Server) Stop(ctx context.Context) error {
	s.dismiss()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-s.kept
		stop(s.running())
	}()
	select {
	case <-stopped:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop nats server: %w", ctx.Err())
	}
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/e2e/link"
	"github.com/naru-relay/naru/pkg/lifecycle"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
)

// dbNode is a server of the relay's database behind a link.
type dbNode struct {
	server *pgserver.Server
	start  func(ctx context.Context) (*pgserver.Server, error)
	way    *link.Link
}

// storage is the relay's database: a primary, and in a cluster a synchronous standby, which is promoted once.
type storage struct {
	dir   string
	nodes []*dbNode
	// replication leads the standby to the primary, whose port changes with each start.
	replication *link.Link

	mu      sync.Mutex
	primary int
}

// newStorage starts the database, with further variables of its server's environment.
func newStorage(ctx context.Context, dir string, standby bool, environment ...string) (*storage, error) {
	s := &storage{dir: dir}
	way, err := link.New(ctx, anyPort)
	if err != nil {
		return nil, err
	}
	s.nodes = []*dbNode{{way: way, start: func(ctx context.Context) (*pgserver.Server, error) {
		return allinone.StartPostgres(ctx, dir, quiet(), environment...)
	}}}
	if s.replication, err = link.New(ctx, anyPort); err != nil {
		return s, err
	}
	if err := s.startNode(ctx, 0); err != nil || !standby {
		return s, err
	}
	return s, s.addStandby(ctx)
}

// url is how a role reaches whichever server takes writes.
func (s *storage) url() (string, error) {
	super, err := url.Parse(s.current().server.SuperURL("postgres"))
	if err != nil {
		return "", errors.New("the database's URL cannot be read")
	}
	if len(s.nodes) == 1 {
		super.Host = s.nodes[0].way.Address()
		return super.String(), nil
	}
	var hosts, ports []string
	for _, node := range s.nodes {
		host, port, err := net.SplitHostPort(node.way.Address())
		if err != nil {
			return "", fmt.Errorf("address of a link: %w", err)
		}
		hosts, ports = append(hosts, host), append(ports, port)
	}
	super.Host = ""
	super.RawQuery = url.Values{"sslmode": {"disable"}, "target_session_attrs": {"read-write"}, "host": {strings.Join(hosts, ",")}, "port": {strings.Join(ports, ",")}}.Encode()
	return super.String(), nil
}

// nodeServer is the server that a node runs now.
func (s *storage) nodeServer(n int) *pgserver.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[n].server
}

func (s *storage) primaryNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.primary
}

func (s *storage) current() *dbNode {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nodes[s.primary]
}

// startNode starts a server, but a former primary: its place is taken.
func (s *storage) startNode(ctx context.Context, n int) error {
	s.mu.Lock()
	former := n < s.primary
	s.mu.Unlock()
	if former {
		return nil
	}
	node := s.nodes[n]
	server, err := node.start(ctx)
	if err != nil {
		return err
	}
	at, err := url.Parse(server.SuperURL("postgres"))
	if err != nil {
		return errors.New("the database's URL cannot be read")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n < s.primary { // promoted meanwhile
		server.Kill()
		return nil
	}
	node.server = server
	node.way.Lead(at.Host)
	if n == 0 {
		s.replication.Lead(at.Host)
	}
	return nil
}

// addStandby makes a standby that the primary waits for at each commit.
func (s *storage) addStandby(ctx context.Context) error {
	way, err := link.New(ctx, anyPort)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.dir, "standby")
	s.nodes = append(s.nodes, &dbNode{way: way, start: func(ctx context.Context) (*pgserver.Server, error) {
		return pgserver.Start(ctx, pgserver.Options{Dir: dir, Log: quiet(), Settings: map[string]string{"wal_retrieve_retry_interval": "500ms"}})
	}})
	if err := s.copyPrimary(ctx, dir); err != nil {
		return err
	}
	if err := s.startNode(ctx, 1); err != nil {
		return err
	}
	return s.exec(ctx, 0, `alter system set synchronous_standby_names = '*'`, `select pg_reload_conf()`)
}

// copyPrimary is what pg_basebackup does, into a folder that PostgreSQL's user owns.
func (s *storage) copyPrimary(ctx context.Context, dir string) error {
	from, err := url.Parse(s.nodes[0].server.SuperURL("postgres"))
	if err != nil {
		return errors.New("the database's URL cannot be read")
	}
	from.Host = s.replication.Address()
	program, err := pgserver.Program(ctx, "pg_basebackup")
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	if out, err := exec.CommandContext(ctx, program, "--pgdata="+data, "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--dbname="+from.String()).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the primary: %w: %s", err, out)
	}
	primary := filepath.Join(s.dir, "postgres")
	password, err := os.ReadFile(filepath.Join(primary, "superuser.password"))
	if err != nil {
		return fmt.Errorf("copy the primary: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "superuser.password"), password, 0o600); err != nil {
		return fmt.Errorf("copy the primary: %w", err)
	}
	info, err := os.Stat(filepath.Join(primary, "data"))
	if err != nil {
		return fmt.Errorf("copy the primary: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("copy the primary: its owner is not known")
	}
	return filepath.WalkDir(data, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(owner.Uid), int(owner.Gid)))
	})
}

func (s *storage) exec(ctx context.Context, n int, statements ...string) error {
	conn, err := pgx.Connect(ctx, s.nodeServer(n).SuperURL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// kill kills the primary and gives what starts it again. One that is down by itself, e.g. for want of room, stays down meanwhile.
func (s *storage) kill() (hit bool, restart func(ctx context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, server := s.primary, s.nodes[s.primary].server
	select {
	case <-server.Done(): // whoever killed it starts it
		return false, func(context.Context) error { return nil }
	default:
	}
	return server.Kill(), func(ctx context.Context) error {
		return s.startPatiently(ctx, n)
	}
}

// startPatiently starts a server as a service manager does: also one whose disk is full, until it has room.
func (s *storage) startPatiently(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, setUpTime)
	defer cancel()
	for {
		err := s.startNode(ctx, n)
		if err == nil || lifecycle.Wait(ctx, again) != nil {
			return err
		}
	}
}

// promote kills the primary for good and makes the standby the primary.
func (s *storage) promote(ctx context.Context) (hit bool, err error) {
	s.mu.Lock()
	hit = s.nodes[0].server.Kill()
	s.primary = 1
	s.mu.Unlock()
	return hit, s.exec(ctx, 1, `select pg_promote(true, 60)`)
}

func (s *storage) sever(state link.Severance) {
	for _, node := range s.nodes {
		node.way.Sever(state)
	}
}

func (s *storage) stop(ctx context.Context) error {
	var problems []error
	for _, node := range s.nodes {
		if node.server != nil {
			problems = append(problems, node.server.Stop(ctx))
		}
		node.way.Close()
	}
	if s.replication != nil {
		s.replication.Close()
	}
	return errors.Join(problems...)
}

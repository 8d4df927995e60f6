package pgserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/lifecycle"
)

const (
	// Superuser is the role initdb creates.
	Superuser = "postgres"

	defaultStartTimeout = 60 * time.Second // crash recovery of a large WAL takes a while
	defaultStopTimeout  = 30 * time.Second // fast shutdown writes a checkpoint
	quitTimeout         = 10 * time.Second
	startAttempts       = 4
)

// Options say where and how a server runs. Only Dir is required.
type Options struct {
	// Dir is the folder of this server, created if absent. Every parent must be traversable by the server's user when this
	// process is root.
	Dir string
	// Port on 127.0.0.1; 0 picks a free one at every start.
	Port int
	// NoSync turns fsync, full_page_writes and synchronous_commit off. A crash of the machine then destroys the data: for tests
	// only.
	NoSync bool
	// MaxConnections of the server; 0 means 200.
	MaxConnections int
	// Settings are further postgresql.conf settings; they win over this package's own.
	Settings map[string]string
	// BinDir overrides the search for the binaries.
	BinDir string
	// StartTimeout bounds the wait for the first connection, recovery included; 0 means 60 s.
	StartTimeout time.Duration
	// StopTimeout bounds the fast shutdown before the immediate one; 0 means 30 s.
	StopTimeout time.Duration
	// Log receives the server's log lines; nil discards them.
	Log *slog.Logger
}

// Server is a running PostgreSQL.
type Server struct {
	opts     Options
	child    *child
	port     int
	password string
	major    int
}

// Start makes the cluster if Options.Dir holds none, starts the server and returns when it answers. It waits for a former server
// on the same folder that is still shutting down. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts, err := withDefaults(opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, opts.StartTimeout)
	defer cancel()

	acct, err := serverAccount()
	if err != nil {
		return nil, err
	}
	lay := layout{dir: opts.Dir, account: acct}
	if err := lay.prepare(); err != nil {
		return nil, err
	}
	bins, err := findBinaries(ctx, opts.BinDir, lay.clusterMajor())
	if err != nil {
		return nil, err
	}
	password, err := lay.password()
	if err != nil {
		return nil, err
	}
	if err := lay.initCluster(ctx, bins, password, opts.NoSync); err != nil {
		return nil, err
	}
	if err := lay.waitForFormer(ctx); err != nil {
		return nil, err
	}
	s := &Server{opts: opts, password: password, major: bins.major}
	if err := s.launch(ctx, bins, lay); err != nil {
		return nil, err
	}
	return s, nil
}

func withDefaults(opts Options) (Options, error) {
	if opts.Dir == "" {
		return opts, errors.New("start postgres: Options.Dir is empty")
	}
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return opts, fmt.Errorf("start postgres in %s: %w", opts.Dir, err)
	}
	opts.Dir = dir
	if opts.MaxConnections == 0 {
		opts.MaxConnections = 200
	}
	if opts.StartTimeout == 0 {
		opts.StartTimeout = defaultStartTimeout
	}
	if opts.StopTimeout == 0 {
		opts.StopTimeout = defaultStopTimeout
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return opts, nil
}

// launch starts the server and connects to it. A start may fail for a passing reason: the free port was taken in between, or
// backends of a killed server still hold its shared memory.
func (s *Server) launch(ctx context.Context, bins binaries, lay layout) error {
	var last error
	for attempt := range startAttempts {
		if attempt > 0 {
			if err := lifecycle.Wait(ctx, time.Duration(attempt)*300*time.Millisecond); err != nil {
				return errors.Join(last, err)
			}
		}
		port, err := s.pickPort()
		if err != nil {
			return err
		}
		s.port = port
		s.child, err = startChild(bins.postgres(), s.args(lay.data(), port), lay, s.opts.Log)
		if err != nil {
			return fmt.Errorf("start postgres: %w", err)
		}
		last = s.awaitReady(ctx)
		if last == nil {
			return nil
		}
		if stopErr := s.Stop(context.WithoutCancel(ctx)); stopErr != nil {
			return errors.Join(last, stopErr)
		}
		if ctx.Err() != nil {
			return last
		}
	}
	return last
}

func (s *Server) pickPort() (int, error) {
	if s.opts.Port != 0 {
		return s.opts.Port, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once, nothing to cancel
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("find a free port: a TCP listener without a TCP address")
	}
	return addr.Port, nil
}

func (s *Server) args(data string, port int) []string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": "",
		"max_connections":         strconv.Itoa(s.opts.MaxConnections),
		"logging_collector":       "off",
		"log_destination":         "stderr",
		"log_line_prefix":         "",
		"lc_messages":             "C",
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		// Row values and statements may hold personal data.
		"log_error_verbosity":     "terse",
		"log_min_error_statement": "panic",
		"cluster_name":            "naru",
		// A checkpoint makes the next change of each page a full image in the WAL: fewer of them, and compressed, cost less than
		// any statement.
		"wal_compression":    "lz4",
		"max_wal_size":       "2GB",
		"checkpoint_timeout": "15min",
		"shared_buffers":     "256MB",
	}
	if s.opts.NoSync {
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
		settings["synchronous_commit"] = "off"
	}
	for k, v := range s.opts.Settings {
		settings[k] = v
	}
	args := []string{"-D", data}
	for k, v := range settings {
		args = append(args, "-c", k+"="+v)
	}
	return args
}

// awaitReady connects until the server lets us in. Only a connection proves that recovery is over and that the server behind the
// port is ours (it knows our password).
func (s *Server) awaitReady(ctx context.Context) error {
	for {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.child.Done():
			return errors.Join(fmt.Errorf("postgres ended before it was ready, its last words: %s", s.child.lastWords()), s.child.Err())
		case <-ctx.Done():
			return fmt.Errorf("postgres did not become ready in %s: %w", s.opts.StartTimeout, err)
		default:
		}
		if err := lifecycle.Wait(ctx, 15*time.Millisecond); err != nil {
			return fmt.Errorf("postgres did not become ready in %s: %w", s.opts.StartTimeout, err)
		}
	}
}

func (s *Server) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.SuperURL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// PID is the process id of the server's first process (the postmaster).
func (s *Server) PID() int { return s.child.PID }

// Done is closed when the server's first process has ended.
func (s *Server) Done() <-chan struct{} { return s.child.Done() }

// Major is the server's major version, e.g. 15.
func (s *Server) Major() int { return s.major }

// URL is a connection URL over TCP for a role and database of this server.
func (s *Server) URL(user, password, database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// SuperURL is the superuser's URL. It is a secret.
func (s *Server) SuperURL(database string) string {
	return s.URL(Superuser, s.password, database)
}

// Stop shuts the server down: open transactions are rolled back and a checkpoint is written (fast). When that takes longer than
// Options.StopTimeout or ctx allows, the server is told to quit at once and recovers at its next start. Stop may be called again
// and returns only when the process is gone.
func (s *Server) Stop(ctx context.Context) error {
	s.child.signal(syscall.SIGINT)
	fast, cancel := context.WithTimeout(ctx, s.opts.StopTimeout)
	defer cancel()
	if s.child.wait(fast) {
		return nil
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "postgres shutdown took too long, quitting it", slog.Int("pid", s.child.PID))
	quit, cancelQuit := context.WithTimeout(context.WithoutCancel(ctx), quitTimeout)
	defer cancelQuit()
	s.child.signal(syscall.SIGQUIT)
	if s.child.wait(quit) {
		return nil
	}
	s.child.signal(syscall.SIGKILL)
	<-s.child.Done()
	return fmt.Errorf("stop postgres %d: it had to be killed", s.child.PID)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

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
	"sync"
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

	// Pauses between two questions whether a server is ready. Its recovery may take long.
	firstAsk   = 15 * time.Millisecond
	longestAsk = 240 * time.Millisecond
)

// Options say where and how a server runs. Only Dir is required.
type Options struct {
	// Dir is the folder of this server, created if absent. Every parent must be traversable by the server's user when this
	// process is root.
	Dir string
	// Port on 127.0.0.1; 0 picks a free one at Start. A server that is started again by itself keeps it.
	Port int
	// NoSync turns fsync, full_page_writes and synchronous_commit off. A crash of the machine then destroys the data: for tests
	// only.
	NoSync bool
	// MaxConnections of the server; 0 means 200.
	MaxConnections int
	// Settings are further postgresql.conf settings; they win over this package's own.
	Settings map[string]string
	// Environment are further variables of the server's environment, as NAME=value. It inherits nothing.
	Environment []string
	// BinDir overrides the search for the binaries.
	BinDir string
	// StartTimeout bounds Start's wait for the first connection, recovery included; 0 means 60 s.
	StartTimeout time.Duration
	// StopTimeout bounds the fast shutdown before the immediate one; 0 means 30 s.
	StopTimeout time.Duration
	// Log receives the server's log lines, and when it ended and was started again; nil discards them.
	Log *slog.Logger
}

// Server is a running PostgreSQL. Started again, it is the same at the same address.
type Server struct {
	opts     Options
	bins     binaries
	lay      layout
	port     int
	password string

	// dismiss ends the watch over it; kept is closed when that has ended, and done when the server has, too.
	dismiss context.CancelFunc
	kept    chan struct{}
	done    chan struct{}
	end     sync.Once

	mu      sync.Mutex
	current *child
}

// Start makes the cluster if Options.Dir holds none, starts the server and returns when it answers. It waits for a former server
// on the same folder that is still shutting down. ctx bounds the start only. Once it has answered, the server is started again
// whenever it ends, until Stop.
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
	s := &Server{opts: opts, bins: bins, lay: lay, password: password, kept: make(chan struct{}), done: make(chan struct{})}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	watched, dismiss := context.WithCancel(context.WithoutCancel(ctx))
	s.dismiss = dismiss
	go func() {
		defer close(s.kept)
		s.keep(watched)
	}()
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

// launch starts the server for the first time. That may fail for a passing reason: the free port was taken in between, or
// backends of a killed server still hold its shared memory.
func (s *Server) launch(ctx context.Context) error {
	var last error
	for attempt := range startAttempts {
		if attempt > 0 {
			if err := lifecycle.Wait(ctx, time.Duration(attempt)*300*time.Millisecond); err != nil {
				return errors.Join(last, err)
			}
		}
		var err error
		if s.port, err = pickPort(s.opts.Port); err != nil {
			return err
		}
		started, err := s.startChild()
		if err != nil {
			return err
		}
		last = s.awaitReady(ctx, started)
		if last == nil {
			return nil
		}
		if stopErr := s.stopChild(context.WithoutCancel(ctx), started); stopErr != nil {
			return errors.Join(last, stopErr)
		}
		if ctx.Err() != nil {
			return fmt.Errorf("postgres did not become ready in %s: %w", s.opts.StartTimeout, last)
		}
	}
	return last
}

// startChild starts the postmaster, which is the current one from then on.
func (s *Server) startChild() (*child, error) {
	started, err := startChild(s.bins.postgres(), s.args(s.lay.data(), s.port), s.lay, s.opts.Environment, s.opts.Log)
	if err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = started
	return started, nil
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
func (s *Server) awaitReady(ctx context.Context, of *child) error {
	for pause := firstAsk; ; pause = min(2*pause, longestAsk) {
		err := s.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-of.Done():
			return errors.Join(fmt.Errorf("postgres ended before it was ready, its last words: %s", of.lastWords()), of.Err())
		default:
		}
		if lifecycle.Wait(ctx, pause) != nil {
			return err
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

// PID is the process id of the server's first process (the postmaster); another one after each new start.
func (s *Server) PID() int { return s.running().PID }

// Done is closed when the server has ended for good, by Stop or Kill. A server that ended by itself is started again.
func (s *Server) Done() <-chan struct{} { return s.done }

func (s *Server) running() *child {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Major is the server's major version, e.g. 15.
func (s *Server) Major() int { return s.bins.major }

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

// Stop shuts the server down, for good: open transactions are rolled back and a checkpoint is written (fast). When that takes
// longer than Options.StopTimeout or ctx allows, the server is told to quit at once and recovers at its next start. Stop may be
// called again and returns only when the process is gone.
func (s *Server) Stop(ctx context.Context) error {
	s.dismiss()
	<-s.kept
	defer s.end.Do(func() { close(s.done) })
	return s.stopChild(ctx, s.running())
}

// Kill ends the server for good as a loss of power would, and tells whether it was alive: for trials.
func (s *Server) Kill() (alive bool) {
	s.dismiss()
	<-s.kept
	defer s.end.Do(func() { close(s.done) })
	last := s.running()
	select {
	case <-last.Done():
		return false
	default:
		last.kill()
		return true
	}
}

func (s *Server) stopChild(ctx context.Context, c *child) error {
	c.signal(syscall.SIGINT)
	fast, cancel := context.WithTimeout(ctx, s.opts.StopTimeout)
	defer cancel()
	if c.wait(fast) {
		return nil
	}
	s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "postgres shutdown took too long, quitting it", slog.Int("pid", c.PID))
	quit, cancelQuit := context.WithTimeout(context.WithoutCancel(ctx), quitTimeout)
	defer cancelQuit()
	c.signal(syscall.SIGQUIT)
	if c.wait(quit) {
		return nil
	}
	c.kill()
	return fmt.Errorf("stop postgres %d: it had to be killed", c.PID)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

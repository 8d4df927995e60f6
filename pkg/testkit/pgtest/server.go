package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/pgserver"
)

// EnvURL names the environment variable with the superuser URL of a server to use.
const EnvURL = "NARU_TEST_POSTGRES_URL"

// server is where the databases of this test binary live.
type server struct {
	super   *url.URL // of the database postgres
	shared  bool     // not ours: others use it too
	private *pgserver.Server
	dir     string
	stdin   *os.File // the watchdog's; its end is our end
	clone   string   // option of "create database"
}

// shared by all tests of the binary.
var (
	once     sync.Once
	current  *server
	startErr error
)

func running() (*server, error) {
	once.Do(func() { current, startErr = start() })
	return current, startErr
}

// SuperURL is the superuser's URL of a database on the server of this test binary.
func SuperURL(t testing.TB, database string) string {
	t.Helper()
	s, err := running()
	if err != nil {
		t.Fatalf("start postgres for tests: %v", err)
	}
	return s.url(nil, database)
}

// Main runs the tests of a package and stops the server in order:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
//
// checks run after the server is gone, e.g. for leaked goroutines; an error of theirs makes passed tests fail.
func Main(m *testing.M, checks ...func() error) int {
	code := m.Run()
	if current != nil {
		if err := current.stop(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = max(code, 1)
		}
	}
	for _, check := range checks {
		if code != 0 {
			break
		}
		if err := check(); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = 1
		}
	}
	return code
}

func start() (*server, error) {
	if raw := os.Getenv(EnvURL); raw != "" {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("%s is not a URL", EnvURL)
		}
		return &server{super: u, shared: true}, nil
	}
	dir, err := os.MkdirTemp(baseDir(), "naru-pgtest-")
	if err != nil {
		return nil, fmt.Errorf("make folder for postgres: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	private, err := pgserver.Start(ctx, pgserver.Options{
		Dir:            dir,
		NoSync:         true,
		MaxConnections: 400,
		Settings: map[string]string{
			"shared_buffers":     "64MB",
			"wal_level":          "minimal", // cheaper template clones; nothing replicates
			"max_wal_senders":    "0",
			"checkpoint_timeout": "30min",
			"max_wal_size":       "512MB",
			"autovacuum":         "off",
		},
	})
	if err != nil {
		return nil, joinRemoval(err, os.RemoveAll(dir))
	}
	s := &server{private: private, dir: dir, clone: cloneOption(private)}
	s.super, err = url.Parse(private.SuperURL("postgres"))
	if err == nil {
		err = s.watch()
	}
	if err != nil {
		return nil, joinRemoval(err, s.stop())
	}
	return s, nil
}

// memoryDir is a file system in memory. A clone there takes 10 ms, on a disk up to 300 ms, because a
// database is some 900 files.
const (
	memoryDir    = "/dev/shm"
	memoryNeeded = 2 << 30
)

// baseDir is memoryDir if it has room (containers often give it 64 MiB) and TMPDIR does not decide
// otherwise.
func baseDir() string {
	var st syscall.Statfs_t
	if os.Getenv("TMPDIR") != "" || syscall.Statfs(memoryDir, &st) != nil {
		return ""
	}
	if st.Bavail*uint64(st.Bsize) < memoryNeeded { // a block size is positive
		return ""
	}
	probe, err := os.MkdirTemp(memoryDir, "naru-pgtest-")
	if err != nil || os.Remove(probe) != nil {
		return ""
	}
	return memoryDir
}

// cloneOption copies files instead of writing pages through the log, which is the default since
// version 15 and takes twice the time where nothing is synced.
func cloneOption(s *pgserver.Server) string {
	if s.Major() < 15 {
		return ""
	}
	return " strategy file_copy"
}

// watchdog waits for the end of its standard input, which is the end of the test binary, then for
// the server to leave (it removes its lock file last), and removes the folder.
const watchdog = `
read -r _
kill -INT "$2" 2>/dev/null
i=0
while [ -e "$1/data/postmaster.pid" ] && [ $i -lt 100 ]; do
  [ $i -eq 30 ] && kill -QUIT "$2" 2>/dev/null
  i=$((i+1))
  sleep 0.1
done
rm -rf -- "$1"
`

func (s *server) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start watchdog: %w", err)
	}
	defer func() { _ = r.Close() }()
	cmd := exec.Command("/bin/sh", "-c", watchdog, "sh", s.dir, strconv.Itoa(s.private.PID())) //nolint:noctx // must outlive us
	cmd.Stdin = r
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a ^C for the tests is not for the watchdog
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return fmt.Errorf("start watchdog: %w", err)
	}
	s.stdin = w
	return cmd.Process.Release()
}

func (s *server) stop() error {
	if s.private == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	err := s.private.Stop(ctx)
	if s.stdin != nil {
		_ = s.stdin.Close()
	}
	return joinRemoval(err, os.RemoveAll(filepath.Clean(s.dir)))
}

// url is that of a role on a database; without a role the superuser's.
func (s *server) url(user *url.Userinfo, database string) string {
	u := *s.super
	if user != nil {
		u.User = user
	}
	u.Path = "/" + database
	return u.String()
}

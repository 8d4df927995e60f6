package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

// EnvURL names the environment variable with the superuser URL of a server to use.
const EnvURL = "NARU_TEST_POSTGRES_URL"

// server is where the databases of this test binary live.
type server struct {
	super   *url.URL      // of the database postgres
	pool    *pgxpool.Pool // on super
	private *Private      // nil where others use it too
	clone   string        // option of "create database"
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
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	s := &server{}
	raw := os.Getenv(EnvURL)
	if raw == "" {
		var err error
		if s.private, err = StartPrivate(ctx); err != nil {
			return nil, err
		}
		raw = s.private.URL()
	}
	if err := s.connect(ctx, raw); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) connect(ctx context.Context, raw string) (err error) {
	if s.super, err = url.Parse(raw); err != nil {
		return fmt.Errorf("%s is not a URL", EnvURL)
	}
	if s.pool, err = pgxpool.New(ctx, raw); err != nil {
		return fmt.Errorf("connect to the server of tests: %w", err)
	}
	// Copying files instead of writing pages through the log, which is the default since version 15, takes a third of the time
	// where nothing is synced.
	const copies = `select current_setting('server_version_num')::int >= 150000 and current_setting('fsync') = 'off'`
	var copied bool
	if err := s.pool.QueryRow(ctx, copies).Scan(&copied); err != nil {
		return fmt.Errorf("ask the server of tests for its settings: %w", err)
	}
	if copied {
		s.clone = " strategy file_copy"
	}
	return nil
}

func (s *server) stop() error {
	if s.pool != nil {
		s.pool.Close()
	}
	if s.private == nil {
		return nil
	}
	return s.private.Stop()
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

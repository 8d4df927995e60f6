package pgserver_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/pkg/testkit/await"
)

const helperDir = "NARU_PGSERVER_TEST_HELPER_DIR"

// folder does not use t.TempDir(), because only the owner may traverse the parent of that folder.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "naru-pgserver-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func start(t *testing.T, opts pgserver.Options) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
		defer cancel()
		_ = s.Stop(ctx) // the test may have stopped or killed it already
	})
	return s
}

func exec1(t *testing.T, url, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(t.Context(), sql)
	return errors.Join(err, conn.Close(t.Context()))
}

func TestServerAsksForThePasswordAndRunsUnprivileged(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, pgserver.Options{Dir: dir, NoSync: true})

	require.NoError(t, exec1(t, s.SuperURL("postgres"), `create table note (id int)`))
	require.Error(t, exec1(t, s.URL(pgserver.Superuser, "guess", "postgres"), `select 1`))
	require.NoDirExists(t, filepath.Join(dir, "socket"))

	secret, err := os.ReadFile(filepath.Join(dir, "superuser.password"))
	require.NoError(t, err)
	password := strings.TrimSpace(string(secret))
	require.NoError(t, exec1(t, s.URL(pgserver.Superuser, password, "postgres"), `select id from note`))
	info, err := os.Stat(filepath.Join(dir, "superuser.password"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoFileExists(t, filepath.Join(dir, "initdb.password"))

	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.PID()), "status"))
	require.NoError(t, err)
	require.NotContains(t, string(status), "\nUid:\t0\t", "the server must not run as root")
}

func TestClusterIsUTF8SortedByBytes(t *testing.T) {
	t.Parallel()
	s := start(t, pgserver.Options{Dir: folder(t), NoSync: true})
	conn, err := pgx.Connect(t.Context(), s.SuperURL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var encoding string
	var bytewise bool
	require.NoError(t, conn.QueryRow(t.Context(),
		`select current_setting('server_encoding'), 'B' < 'a' and 'z' < '가'`).Scan(&encoding, &bytewise))
	require.Equal(t, "UTF8", encoding)
	require.True(t, bytewise)
}

func TestDurabilityIsOnUnlessSwitchedOff(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		noSync bool
		want   string
	}{
		{name: "default", noSync: false, want: "on on on"},
		{name: "switched off for tests", noSync: true, want: "off off off"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, pgserver.Options{Dir: folder(t), NoSync: tc.noSync})
			conn, err := pgx.Connect(t.Context(), s.SuperURL("postgres"))
			require.NoError(t, err)
			defer func() { require.NoError(t, conn.Close(t.Context())) }()
			var got string
			require.NoError(t, conn.QueryRow(t.Context(),
				`select concat_ws(' ', current_setting('fsync'), current_setting('synchronous_commit'), current_setting('full_page_writes'))`).Scan(&got))
			require.Equal(t, tc.want, got)
		})
	}
}

func TestDataSurvivesEveryWayToEnd(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		end  func(t *testing.T, s *pgserver.Server)
	}{
		{name: "stopped in order", end: func(t *testing.T, s *pgserver.Server) {
			t.Helper()
			require.NoError(t, s.Stop(t.Context()))
			require.NoError(t, s.Err())
			require.NoError(t, s.Stop(t.Context()), "a second stop")
		}},
		{name: "stopped without time to do it in order", end: func(t *testing.T, s *pgserver.Server) {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.NoError(t, s.Stop(ctx))
		}},
		{name: "killed", end: func(t *testing.T, s *pgserver.Server) {
			t.Helper()
			require.True(t, s.Kill())
			require.Error(t, s.Err())
			require.False(t, s.Kill(), "a second time")
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			first := start(t, pgserver.Options{Dir: dir})
			require.NoError(t, exec1(t, first.SuperURL("postgres"), `create table note as select 1 as id`))
			tc.end(t, first)
			require.Error(t, exec1(t, first.SuperURL("postgres"), `select 1`))

			second := start(t, pgserver.Options{Dir: dir})
			require.NoError(t, exec1(t, second.SuperURL("postgres"), `select id from note`))
		})
	}
}

// A program killed by SIGKILL cannot stop its server. The kernel signals the server instead, and the next start waits until it
// has ended.
func TestServerEndsWithItsParentAndCanBeStartedAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHelperProcess$") // this test binary
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var pid int
	lines := bufio.NewScanner(out)
	for pid == 0 && lines.Scan() {
		_, _ = fmt.Sscanf(lines.Text(), "server pid %d", &pid)
	}
	require.NotZero(t, pid, "the helper did not start its server")

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	s := start(t, pgserver.Options{Dir: dir})
	require.NoError(t, exec1(t, s.SuperURL("postgres"), `select id from note`))
	await.Require(t, 10*time.Second, func() bool {
		cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
		return err != nil || cwd != filepath.Join(dir, "data")
	})
}

// TestHelperProcess is the program that TestServerEndsWithItsParentAndCanBeStartedAtOnce kills.
func TestHelperProcess(t *testing.T) {
	t.Parallel()
	dir := os.Getenv(helperDir)
	if dir == "" {
		t.Skip("runs only as a child of another test")
	}
	s, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir})
	require.NoError(t, err)
	require.NoError(t, exec1(t, s.SuperURL("postgres"), `create table note as select 1 as id`))
	_, err = fmt.Fprintf(os.Stdout, "server pid %d\n", s.PID())
	require.NoError(t, err)
	<-s.Done()
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	t.Run("no folder given", func(t *testing.T) {
		t.Parallel()
		_, err := pgserver.Start(t.Context(), pgserver.Options{})
		require.ErrorContains(t, err, "Options.Dir")
	})
	t.Run("no binaries", func(t *testing.T) {
		t.Parallel()
		_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: folder(t), BinDir: t.TempDir()})
		require.ErrorIs(t, err, pgserver.ErrNoBinaries)
		require.ErrorContains(t, err, "Debian package postgresql")
	})
	t.Run("a cluster of a version that is not installed", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		require.NoError(t, os.Mkdir(filepath.Join(dir, "data"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("9\n"), 0o600))
		_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: dir})
		require.ErrorIs(t, err, pgserver.ErrNoBinaries)
		require.ErrorContains(t, err, "postgresql-9")
	})
	t.Run("a parent folder the server's user may not pass", func(t *testing.T) {
		t.Parallel()
		if os.Geteuid() != 0 {
			t.Skip("only root changes the user")
		}
		closed := folder(t) // mode 0700
		_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: filepath.Join(closed, "db")})
		require.ErrorContains(t, err, closed)
		require.ErrorContains(t, err, "chmod o+x")
	})
	t.Run("a setting the server refuses", func(t *testing.T) {
		t.Parallel()
		_, err := pgserver.Start(t.Context(), pgserver.Options{
			Dir: folder(t), NoSync: true, Settings: map[string]string{"shared_buffers": "lots"},
		})
		require.ErrorContains(t, err, "shared_buffers")
	})
	t.Run("the port is taken", func(t *testing.T) {
		t.Parallel()
		other := start(t, pgserver.Options{Dir: folder(t), NoSync: true})
		_, err := pgserver.Start(t.Context(), pgserver.Options{Dir: folder(t), NoSync: true, Port: other.Port()})
		require.ErrorContains(t, err, "postgres")
		require.NoError(t, exec1(t, other.SuperURL("postgres"), `select 1`))
	})
}

// syncBuffer collects a log and may be read while the log is written.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestServerLogHoldsNoRowValues(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	s := start(t, pgserver.Options{
		Dir: folder(t), NoSync: true,
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	url := s.SuperURL("postgres")
	require.NoError(t, exec1(t, url, `create table person (phone text constraint person_phone_key unique)`))
	require.NoError(t, exec1(t, url, `insert into person (phone) values ('01000001234')`))
	require.Error(t, exec1(t, url, `insert into person (phone) values ('01000001234')`))
	require.NoError(t, s.Stop(t.Context())) // completes the log
	require.Contains(t, log.String(), "person_phone_key")
	require.NotContains(t, log.String(), "01000001234")
}

package pgserver_test

import (
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/smalldisk"
)

const patience = time.Minute

// kept is a server with a table of notes, and what it logs.
func kept(t *testing.T, dir string) (s *pgserver.Server, log *syncBuffer) {
	t.Helper()
	log = &syncBuffer{}
	s = start(t, pgserver.Options{Dir: dir, Settings: map[string]string{"shared_buffers": "16MB"},
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	require.NoError(t, exec1(t, s.SuperURL("postgres"), `create table note (id int primary key, text text)`))
	require.NoError(t, note(t, s, 1))
	return s, log
}

// note commits a row of some 7 KiB: it needs a page of its own.
func note(t *testing.T, s *pgserver.Server, id int) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.SuperURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `insert into note select $1, string_agg(md5(n::text), '') from generate_series(1, 220) n`, id)
	return err
}

// fillTable adds notes until one is refused, and gives the number of those that were committed.
func fillTable(t *testing.T, s *pgserver.Server) (committed int, refused error) {
	t.Helper()
	committed = 1
	await.Require(t, patience, func() bool {
		if refused = note(t, s, committed+1); refused == nil {
			committed++
		}
		return refused != nil
	})
	return committed, refused
}

func notes(t *testing.T, s *pgserver.Server) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.SuperURL("postgres"))
	require.NoError(t, err)
	defer conn.Close(t.Context())
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from note where length(text) = 7040`).Scan(&n))
	return n
}

// A server that is killed is back by itself, at its address, with what was committed; again and again.
func TestKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	s, log := kept(t, folder(t))
	for n := range 2 {
		before := s.PID()
		require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
		await.Require(t, patience, func() bool { return s.PID() != before && note(t, s, n+2) == nil })
		require.Equal(t, n+2, notes(t, s))
		// A server that is killed before it was seen to be ready has not been started again.
		await.Require(t, patience, func() bool { return strings.Count(log.String(), "the database had ended and was started again") == n+1 })
	}
	require.Equal(t, 2, strings.Count(log.String(), "the database has ended and will be started again"), log.String())
	require.Contains(t, log.String(), "signal: killed")
	require.NotContains(t, log.String(), "terminating connection", "what sessions are told is not the reason")
	select {
	case <-s.Done():
		require.Fail(t, "it has not ended for good")
	default:
	}
	require.NoError(t, s.Stop(t.Context()))
	<-s.Done()
}

// Where the data files cannot grow, the server lives on: it refuses what needs room, gives what it has, and takes writes as soon
// as there is room.
func TestDataFilesCannotGrow(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, "256m")
	s, log := kept(t, filepath.Join(disk, "postgres"))
	before := s.PID()
	free := smalldisk.Full(t, disk)
	committed, refused := fillTable(t, s)
	require.Equal(t, pg.DiskFull, pg.SQLState(refused), refused)
	require.True(t, pg.Unreachable(refused))
	require.Equal(t, committed, notes(t, s))
	free()
	require.NoError(t, note(t, s, committed+1))
	require.Equal(t, committed+1, notes(t, s))
	require.Equal(t, before, s.PID())
	require.NotContains(t, log.String(), "the database has ended")
}

// Where the log cannot be written, the server gives itself up. It is started again, in vain as long as there is no room, and
// comes back by itself when there is; what was committed is there.
func TestLogCannotBeWritten(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, "256m")
	s, log := kept(t, filepath.Join(disk, "postgres"))
	free := smalldisk.Full(t, disk)
	committed, _ := fillTable(t, s)
	before := s.PID()
	await.Require(t, patience, func() bool {
		_ = exec1(t, s.SuperURL("postgres"), `select pg_logical_emit_message(false, 'fill', repeat('x', 1 << 20)), pg_switch_wal()`)
		return strings.Count(log.String(), "the database has ended and will be started again") >= 3
	})
	require.NotEqual(t, before, s.PID())
	require.Error(t, note(t, s, committed+1))
	free()
	await.Require(t, patience, func() bool { return note(t, s, committed+1) == nil })
	require.Equal(t, committed+1, notes(t, s))
	require.Regexp(t, `the database has ended and will be started again" reason="FATAL: .*No space left on device"`, log.String())
	require.Contains(t, log.String(), "pause_ms=2000", "pauses grow")
	await.Require(t, patience, func() bool { return strings.Contains(log.String(), "the database had ended and was started again") })
}

// A server that is killed while its disk is full comes up as far as it can: it may let nobody in, for which it knows no better
// word than an internal error. Whatever it says, callers may come again.
func TestKilledWhileDataFilesCannotGrow(t *testing.T) {
	t.Parallel()
	disk := smalldisk.New(t, "256m")
	s, _ := kept(t, filepath.Join(disk, "postgres"))
	free := smalldisk.Full(t, disk)
	committed, _ := fillTable(t, s)
	before := s.PID()
	require.NoError(t, syscall.Kill(before, syscall.SIGKILL))
	await.Require(t, patience, func() bool {
		err := note(t, s, committed+1)
		require.Error(t, err)
		require.True(t, pg.Unreachable(err), err)
		return strings.Contains(err.Error(), "could not write init file") || s.PID() != before && pg.SQLState(err) == pg.DiskFull
	})
	free()
	await.Require(t, patience, func() bool { return note(t, s, committed+1) == nil })
	require.Equal(t, committed+1, notes(t, s))
}

package pgserver

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// Timing of the watch on the server.
const (
	look = time.Second
	// firstPause is before the first new start, longestPause before one that follows many; so long a server has to stand until
	// its next end counts as a first one.
	firstPause   = 500 * time.Millisecond
	longestPause = time.Minute
	// room is what must be free on the disks of data and log before a new start makes sense after they were full: the rest of
	// the log that recovery writes, and the next part of it (16 MiB each).
	room = 32 << 20
)

// keep starts the server again whenever it ends. PostgreSQL gives itself up where it cannot even recover, e.g. on a full disk; it
// then has all that was committed, and only needs somebody to start it when there is room.
func (s *Server) keep(ctx context.Context) {
	pause := firstPause
	standing := time.NewTimer(longestPause)
	defer standing.Stop()
	for {
		current := s.running()
		select {
		case <-ctx.Done():
			return
		case <-standing.C:
			pause = firstPause
			continue
		case <-current.Done():
		}
		s.opts.Log.LogAttrs(ctx, slog.LevelError, "the database has ended and will be started again",
			slog.String("reason", current.reason()), slog.Any("error", current.Err()), slog.Int64("pause_ms", pause.Milliseconds()))
		if s.rest(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, longestPause)
		s.again(ctx)
		standing.Reset(longestPause)
	}
}

// rest lets a pause pass, or less where the disk was full and has room now.
func (s *Server) rest(ctx context.Context, pause time.Duration) error {
	full := !s.hasRoom()
	for ; pause > 0; pause -= look {
		if err := lifecycle.Wait(ctx, min(look, pause)); err != nil {
			return err
		}
		if full && s.hasRoom() {
			return nil
		}
	}
	return nil
}

// again starts the server and waits until it answers, or has ended once more. Its recovery is not disturbed, however long it
// takes.
func (s *Server) again(ctx context.Context) {
	started, err := s.startChild()
	if err != nil {
		s.opts.Log.LogAttrs(ctx, slog.LevelError, "the database could not be started again", slog.Any("error", err))
		return
	}
	if s.awaitReady(ctx, started) == nil {
		s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "the database had ended and was started again")
	}
}

// hasRoom: the disks of data and log, which may be two, are not full.
func (s *Server) hasRoom() bool {
	for _, folder := range []string{s.lay.data(), filepath.Join(s.lay.data(), "pg_wal")} {
		if free, err := durable.Room(folder); err != nil || free < room {
			return false
		}
	}
	return true
}

package natsserver

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// Timing of the watch on the server.
const (
	look = time.Second
	// longestPause is between two new starts that did not help.
	longestPause = time.Minute
	// room is what must be free on the disk before a new start makes sense.
	room = 16 << 20
)

// keep looks whether the server can write, and starts it anew where it cannot and there is room: JetStream by itself never tries
// again. Nothing that was acknowledged is lost by that; publishers send the rest again.
func (s *Server) keep(ctx context.Context) {
	pause, told := look, false
	for lifecycle.Wait(ctx, pause) == nil {
		problem, needs := trouble(s.running())
		if problem == "" {
			pause, told = look, false
			continue
		}
		if !told {
			s.opts.Log.LogAttrs(ctx, slog.LevelError, "the bus cannot write", slog.String("problem", problem))
			told = true
		}
		if free, err := durable.Room(s.opts.Dir); err != nil || free < needs {
			pause = look
			continue
		}
		if err := s.anew(); err != nil {
			s.opts.Log.LogAttrs(ctx, slog.LevelError, "the bus could not be started anew", slog.Any("error", err))
		} else {
			s.opts.Log.LogAttrs(ctx, slog.LevelWarn, "the bus had been unable to write and was started anew")
		}
		pause = min(2*pause, longestPause)
	}
}

// trouble tells why the server cannot write, empty where it can, and what has to be free on the disk for a new start to help.
// What else it reports, e.g. that it waits for other nodes, passes by itself.
func trouble(s *server.Server) (problem string, needs int64) {
	if !s.JetStreamEnabled() {
		return "JetStream has ended", room
	}
	health := s.Healthz(&server.HealthzOptions{Details: true})
	for _, e := range health.Errors {
		if strings.Contains(e.Error, "write error") {
			return e.Error, room
		}
	}
	info, err := s.Jsz(nil)
	if err != nil {
		return "", 0 // it has just ended, as the next look finds
	}
	if used := int64(info.Store); used > info.Config.MaxStore { //nolint:gosec // no disk is that large
		// When it starts, it bounds itself to three quarters of what it holds and what is free: to less than it holds, where its
		// disk is full just then. It keeps to that when there is room.
		return fmt.Sprintf("JetStream holds %d bytes and started with room for %d", used, info.Config.MaxStore), used/3 + room
	}
	return "", 0
}

// anew stops the server and starts it in its place. Where that fails, the next look finds JetStream ended, and tries again.
func (s *Server) anew() error {
	stop(s.running())
	next, err := launch(s.opts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = next
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/lifecycle"
)

// steppedClock is the clock of the database's server, which libfaketime tells it. Time-outs go by the monotonic clock, which
// stays true.
type steppedClock struct{ file string }

// prepare gives the environment of a server with this clock.
func (c *steppedClock) prepare(dir string) ([]string, error) {
	found, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(found) == 0 {
		return nil, errors.New("libfaketime is not installed (apt-get install libfaketime)")
	}
	c.file = filepath.Join(dir, "clock of postgres")
	return []string{"LD_PRELOAD=" + found[0], "FAKETIME_TIMESTAMP_FILE=" + c.file, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"}, c.set(0)
}

// set makes the clock wrong by so much from now on.
func (c *steppedClock) set(by time.Duration) error {
	next := c.file + " next"
	if err := os.WriteFile(next, fmt.Appendf(nil, "%+d", int64(by/time.Second)), 0o644); err != nil { //nolint:gosec // the server's user reads it
		return fmt.Errorf("set the clock of postgres: %w", err)
	}
	return os.Rename(next, c.file)
}

// step makes the clock wrong for a while, and checks that it is.
func (c *steppedClock) step(ctx context.Context, s *storage, a act) error {
	err := errors.Join(c.set(a.steps), lifecycle.Wait(ctx, a.lasts))
	told, asked := s.time(ctx)
	if asked == nil && (told.Sub(clock.System().Now())-a.steps).Abs() > time.Minute {
		err = errors.Join(err, fmt.Errorf("the clock of postgres did not step: it tells %s", told))
	}
	return errors.Join(err, c.set(0))
}

// time is what the database's clock tells.
func (s *storage) time(ctx context.Context) (told time.Time, err error) {
	conn, err := pgx.Connect(ctx, s.current().server.SuperURL("postgres"))
	if err != nil {
		return told, fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `select clock_timestamp()`).Scan(&told)
	return told, err
}

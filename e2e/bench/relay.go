package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/allinone"
)

// relay is the relay that is measured, and a superuser's look into its databases, used for counting only.
type relay struct {
	*allinone.Relay
	dir      string
	clock    clock.Clock
	log      *os.File
	superURL *url.URL
	db       *pgxpool.Pool
}

// startRelay starts everything in this process as narud does, in a new folder that stop removes.
func startRelay(ctx context.Context, o options, now clock.Clock) (_ *relay, err error) {
	dir, err := os.MkdirTemp(o.dir, "naru-bench-")
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	r := &relay{dir: dir, clock: now}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the private PostgreSQL's user has to pass
		return nil, fmt.Errorf("open folder: %w", err)
	}
	if r.log, err = os.Create(filepath.Join(dir, "narud.log")); err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	r.Relay, err = allinone.Start(ctx, allinone.Options{
		Dir: dir, REST: "127.0.0.1:0", GRPC: "127.0.0.1:0", Ops: "127.0.0.1:0", FreePorts: true, Seed: true,
		SampleRatio: o.sampleRatio, LogLevel: logLevel, Logs: r.log, Version: "bench",
	})
	if err != nil {
		return nil, fmt.Errorf("start the relay: %w", err)
	}
	if r.superURL, err = superuser(dir); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(r.superURL.String())
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	config.MaxConns = 1
	if r.db, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect to count: %w", err)
	}
	return r, nil
}

// superuser is a superuser's URL of the units' database.
func superuser(dir string) (*url.URL, error) {
	owner, err := os.ReadFile(filepath.Join(dir, "secrets", allinone.Units()[0].Name, "owner_url"))
	if err != nil {
		return nil, fmt.Errorf("find the database: %w", err)
	}
	password, err := os.ReadFile(filepath.Join(dir, "postgres", "superuser.password"))
	if err != nil {
		return nil, fmt.Errorf("find the database: %w", err)
	}
	address, err := url.Parse(strings.TrimSpace(string(owner)))
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	address.User = url.UserPassword(pgserver.Superuser, strings.TrimSpace(string(password)))
	return address, nil
}

// checkpoint empties the write-ahead log's debts, so that no measurement pays for what went before it.
func (r *relay) checkpoint(ctx context.Context) error {
	if _, err := r.db.Exec(ctx, "checkpoint"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

func (r *relay) stop(ctx context.Context) error {
	var problems []error
	if r.db != nil {
		r.db.Close()
	}
	if r.Relay != nil {
		problems = append(problems, r.Stop(ctx))
	}
	if r.log != nil {
		problems = append(problems, r.log.Close())
	}
	return errors.Join(append(problems, os.RemoveAll(r.dir))...)
}

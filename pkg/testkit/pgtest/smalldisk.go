package pgtest

import (
	"context"
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/pg"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/smalldisk"
)

// SmallDisk is a server of a test's own whose disk can become full.
type SmallDisk struct {
	server *pgserver.Server
	dir    string
}

// OnSmallDisk gives the test a database with one migrated schema, on a server of its own that has a disk of a size, e.g. "512m".
// Where no disk can be mounted, the test is skipped.
func OnSmallDisk(t testing.TB, size, schema string, sources ...pg.Source) (*DB, *SmallDisk) {
	t.Helper()
	d := &SmallDisk{dir: smalldisk.New(t, size)}
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	var err error
	d.server, err = pgserver.Start(ctx, pgserver.Options{
		Dir: filepath.Join(d.dir, "postgres"), Settings: map[string]string{"shared_buffers": "64MB"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatalf("start postgres on a small disk: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), setupTimeout)
		defer cancel()
		if err := d.server.Stop(ctx); err != nil {
			t.Errorf("stop postgres on a small disk: %v", err)
		}
	})
	s := &server{}
	if s.super, err = url.Parse(d.server.SuperURL("postgres")); err != nil {
		t.Fatal("the database's URL cannot be read")
	}
	const name = "small"
	if err := s.makeTemplate(ctx, name, []Schema{{Name: schema, Sources: sources}}); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	roles, err := s.open(t.Context(), name, schema)
	if err != nil {
		t.Fatalf("open test database: %v", err)
	}
	for _, pool := range []*pgxpool.Pool{roles.App, roles.Owner} {
		t.Cleanup(pool.Close)
	}
	return &DB{Roles: roles, Name: name, SuperURL: s.url(nil, name)}, d
}

// Full takes all room of the disk until it is given back: from now on the server's data files cannot grow. A new file of its log
// has just begun, so that it is not the log that has no room first.
func (d *SmallDisk) Full(t testing.TB) (free func()) {
	t.Helper()
	if err := d.spend(t, 1); err != nil {
		t.Fatalf("begin a new file of the log: %v", err)
	}
	return smalldisk.Full(t, d.dir)
}

// ExhaustLog uses up, on a full disk, what there is of the server's log, until the server gives itself up and has been started in
// vain.
func (d *SmallDisk) ExhaustLog(t testing.TB) {
	t.Helper()
	before := d.server.PID()
	await.Require(t, setupTimeout, func() bool {
		_ = d.spend(t, 1<<20) // it fails in the end, which is what it is for
		return d.server.PID() != before
	})
}

// spend leaves the file of the log that is written, and commits so many bytes into the next one: only a commit waits until the
// server has made that file.
func (d *SmallDisk) spend(t testing.TB, size int) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.server.SuperURL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(t.Context())) // its server may be gone
	_, err = conn.Exec(t.Context(), `select pg_switch_wal()`)
	if err == nil {
		_, err = conn.Exec(t.Context(), `select pg_logical_emit_message(true, 'test', repeat('x', $1))`, size)
	}
	return err
}

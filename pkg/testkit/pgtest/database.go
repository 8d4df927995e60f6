package pgtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/naru-relay/naru/pkg/pg"
)

const setupTimeout = 2 * time.Minute

// Schema is one schema of a test database and the migrations that fill it.
type Schema struct {
	Name    string
	Sources []pg.Source
}

// Roles are the pools and URLs of one schema's two roles.
type Roles struct {
	// App works as <schema>_app, as the unit does.
	App *pgxpool.Pool
	// Owner works as <schema>_owner, as migrations do.
	Owner *pgxpool.Pool

	AppURL, OwnerURL string
}

// DB is a test's own database with one schema.
type DB struct {
	Roles
	// Name of the database.
	Name string
	// SuperURL is the superuser's URL of this database.
	SuperURL string
}

// Database is a test's own database with several schemas.
type Database struct {
	Name     string
	SuperURL string
	// Schemas by name.
	Schemas map[string]Roles
}

// New gives the test a database with one migrated schema. It is dropped when the test ends.
func New(t testing.TB, schema string, sources ...pg.Source) *DB {
	t.Helper()
	d := NewDatabase(t, Schema{Name: schema, Sources: sources})
	return &DB{Roles: d.Schemas[schema], Name: d.Name, SuperURL: d.SuperURL}
}

// NewDatabase gives the test a database with several migrated schemas, as a composition of units has it. It is dropped when the
// test ends.
func NewDatabase(t testing.TB, schemas ...Schema) *Database {
	t.Helper()
	s, err := running()
	if err != nil {
		t.Fatalf("start postgres for tests: %v", err)
	}
	// Not the test's ctx: a cleanup still needs the pools when that has ended.
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	template, err := s.template(ctx, schemas)
	if err != nil {
		t.Fatalf("make template database: %v", err)
	}
	d := &Database{Name: cloneName(), Schemas: make(map[string]Roles, len(schemas))}
	d.SuperURL = s.url(nil, d.Name)
	if err := s.admin(ctx, `create database `+d.Name+` template `+template+s.clone); err != nil {
		t.Fatalf("clone template database: %v", err)
	}
	t.Cleanup(func() { s.dropAfter(t, d.Name) })
	for _, schema := range schemas {
		roles, err := s.open(ctx, d.Name, schema.Name)
		if err != nil {
			t.Fatalf("open test database: %v", err)
		}
		t.Cleanup(roles.App.Close)
		t.Cleanup(roles.Owner.Close)
		d.Schemas[schema.Name] = roles
	}
	return d
}

func (s *server) open(ctx context.Context, database, schema string) (Roles, error) {
	pw := passwords(schema)
	r := Roles{
		AppURL:   s.url(url.UserPassword(pg.AppRole(schema), pw.App), database),
		OwnerURL: s.url(url.UserPassword(pg.OwnerRole(schema), pw.Owner), database),
	}
	var err error
	// A connection costs the server 40 ms of a processor, and half of the tests use one of the pools only.
	if r.App, err = pg.New(ctx, pg.Options{URL: r.AppURL, Schema: schema, MaxConns: 8}); err != nil {
		return r, err
	}
	if r.Owner, err = pg.New(ctx, pg.Options{URL: r.OwnerURL, Schema: schema, MaxConns: 4}); err != nil {
		r.App.Close()
		return r, err
	}
	return r, nil
}

// passwords are fixed: binaries that share a server share its roles, and nothing of it is secret.
func passwords(schema string) pg.Passwords {
	return pg.Passwords{Owner: "owner-of-" + schema, App: "app-of-" + schema}
}

// templates made or found by this binary.
var (
	templatesMu sync.Mutex
	templates   = map[string]bool{}
)

// template returns the name of a migrated database, making it once per server and digest.
func (s *server) template(ctx context.Context, schemas []Schema) (string, error) {
	name, err := templateName(schemas)
	if err != nil {
		return "", err
	}
	templatesMu.Lock()
	defer templatesMu.Unlock()
	if templates[name] {
		return name, nil
	}
	if err := s.makeTemplate(ctx, name, schemas); err != nil {
		return "", err
	}
	templates[name] = true
	return name, nil
}

// makeTemplate migrates under another name and renames at the end: what has the template's name is complete, also after a test
// binary was killed in between.
func (s *server) makeTemplate(ctx context.Context, name string, schemas []Schema) (err error) {
	conn, err := pgx.Connect(ctx, s.super.String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	// Other binaries on a shared server make the same template and the same roles.
	if _, err := conn.Exec(ctx, `select pg_advisory_lock($1)`, pg.LockID("pgtest/template")); err != nil {
		return fmt.Errorf("lock templates: %w", err)
	}
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).Scan(&exists); err != nil {
		return fmt.Errorf("look for template: %w", err)
	}
	if exists {
		return nil
	}
	draft := name + "_draft"
	for _, stmt := range []string{`drop database if exists ` + draft + ` with (force)`, `create database ` + draft} {
		if _, err := conn.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("make template draft: %w", err)
		}
	}
	for _, schema := range schemas {
		pw := passwords(schema.Name)
		if err := pg.Provision(ctx, s.url(nil, draft), schema.Name, pw); err != nil {
			return err
		}
		ownerURL := s.url(url.UserPassword(pg.OwnerRole(schema.Name), pw.Owner), draft)
		if err := pg.Migrate(ctx, ownerURL, schema.Name, schema.Sources...); err != nil {
			return err
		}
	}
	return renameWhenFree(ctx, conn, draft, name)
}

// renameWhenFree waits for the server to notice that the migration's connections are closed.
func renameWhenFree(ctx context.Context, conn *pgx.Conn, from, to string) error {
	for {
		_, err := conn.Exec(ctx, `alter database `+from+` rename to `+to)
		const objectInUse = "55006"
		if err == nil || pg.SQLState(err) != objectInUse {
			return err
		}
		if _, err := conn.Exec(ctx, `select pg_sleep(0.01)`); err != nil {
			return err
		}
	}
}

// admin runs a statement as the superuser, on a connection that is kept.
func (s *server) admin(ctx context.Context, statement string) error {
	_, err := s.pool.Exec(ctx, statement)
	return err
}

func (s *server) dropAfter(t testing.TB, database string) {
	if s.private == nil && t.Failed() {
		t.Logf("database kept as long as its server: %s", database)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if err := s.admin(ctx, `drop database if exists `+database+` with (force)`); err != nil {
		t.Errorf("drop test database: %v", err)
	}
}

func cloneName() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "naru_test_" + hex.EncodeToString(b)
}

// templateName is a digest of everything that shapes the template. With partitions that is also the day, because they surround
// the day they were made on.
func templateName(schemas []Schema) (string, error) {
	h := sha256.New()
	for _, schema := range schemas {
		part(h, "schema", schema.Name)
		for _, src := range schema.Sources {
			part(h, "source", src.Name)
			if len(src.Partitions) > 0 {
				part(h, "partitions", fmt.Sprintf("%+v", src.Partitions))
				part(h, "day", time.Now().UTC().Format(time.DateOnly)) //nolint:forbidigo // the server's day, not the product's
			}
			if err := digestFiles(h, src); err != nil {
				return "", err
			}
		}
	}
	return "naru_template_" + hex.EncodeToString(h.Sum(nil)[:12]), nil
}

func digestFiles(h hash.Hash, src pg.Source) error {
	if src.FS == nil {
		return fmt.Errorf("source %s has no files", src.Name)
	}
	return fs.WalkDir(src.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(src.FS, path)
		if err != nil {
			return err
		}
		part(h, path, string(text))
		return nil
	})
}

// part adds a labelled text with both lengths, so that no two inputs look alike.
func part(h hash.Hash, label, text string) {
	_, _ = fmt.Fprintf(h, "%d:%s%d:%s", len(label), label, len(text), text)
}

func joinRemoval(err, removal error) error {
	if removal != nil {
		removal = fmt.Errorf("clean up: %w", removal)
	}
	return errors.Join(err, removal)
}

package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/audit"
	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/services/cli"
	"github.com/naru-relay/naru/services/registry"
)

// Copies makes copies of a relay's databases as they were at one moment. Tests tamper with the copies.
type Copies struct {
	stack *Stack
	super string
	// Keys holds the units' key folders with the checkpoints stored in them.
	Keys string
}

// Names of the template databases of copies.
const (
	relayTemplate   = "copied_relay"
	sandboxTemplate = "copied_sandbox"
)

// Copied copies the databases of the relay and its sandbox at a moment when every frame has a leaf and every log is cosigned. A
// frame or checkpoint that still waited would be overdue when the copy is examined.
func (s *Stack) Copied(t testing.TB) *Copies {
	t.Helper()
	c := &Copies{stack: s, super: withDatabase(t, s.unitsDatabase(t), "postgres"), Keys: t.TempDir()}
	t.Cleanup(func() { c.drop(t, relayTemplate); c.drop(t, sandboxTemplate) })
	await.Require(t, Patience, func() bool {
		// Copy the keys first: a checkpoint in a key folder must not be newer than the databases.
		copyKeys(t, filepath.Join(s.Dir, "keys"), c.Keys)
		c.restore(t, relayTemplate, "naru")
		return c.whole(t)
	})
	c.restore(t, sandboxTemplate, "naru_sandbox")
	return c
}

// restore replaces a database by a copy of another.
func (c *Copies) restore(t testing.TB, to, from string) {
	t.Helper()
	c.drop(t, to)
	c.exec(t, c.super, `create database `+to)
	Program(t, "pg_restore", "--dbname="+withDatabase(t, c.super, to), c.stack.Dump(t, from, "--format=custom"))
}

// whole reports whether no frame waits for its log and no checkpoint for a cosignature.
func (c *Copies) whole(t testing.TB) bool {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), withDatabase(t, c.super, relayTemplate))
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.WithoutCancel(t.Context()))) }()
	for _, u := range registry.Units() {
		var waits bool
		require.NoError(t, conn.QueryRow(t.Context(), `
			select exists (select from `+u.Name+`.journal_mark where leaf is null)
			    or exists (select from (select cosigned from `+u.Name+`.log_checkpoint order by seq desc limit 1) newest where cosigned is null)`).Scan(&waits))
		if waits {
			return false
		}
	}
	return true
}

func copyKeys(t testing.TB, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file about to be renamed
		}
		return errors.Join(err, os.WriteFile(target, content, 0o600))
	}))
}

// Dump makes a pg_dump of a database and returns its file.
func (s *Stack) Dump(t testing.TB, database string, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), database+".dump")
	Program(t, "pg_dump", append(args, "--file="+file, "--dbname="+withDatabase(t, s.unitsDatabase(t), database))...)
	return file
}

// Program runs one of PostgreSQL's programs.
func Program(t testing.TB, name string, args ...string) {
	t.Helper()
	path, err := pgserver.Program(t.Context(), name)
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
}

// Copy is one copy.
type Copy struct {
	of   *Copies
	name string
	// URL is that of the copy of the relay's database.
	URL     string
	sandbox string
}

// New makes a copy that is removed when the test ends.
func (c *Copies) New(t testing.TB, name string) *Copy {
	t.Helper()
	return &Copy{of: c, name: name, URL: c.clone(t, relayTemplate, "relay_"+name), sandbox: withDatabase(t, c.super, sandboxTemplate)}
}

func (c *Copies) clone(t testing.TB, template, name string) (address string) {
	t.Helper()
	c.exec(t, c.super, `create database `+name+` template `+template)
	t.Cleanup(func() { c.drop(t, name) })
	return withDatabase(t, c.super, name)
}

// Dump makes a pg_dump of the copy of the relay's database.
func (c *Copy) Dump(t testing.TB, args ...string) string {
	t.Helper()
	return c.of.stack.Dump(t, "relay_"+c.name, args...)
}

// PutBack replaces a schema of the copy of the relay's database by the one in a dump.
func (c *Copy) PutBack(t testing.TB, schema, dump string) {
	t.Helper()
	c.of.exec(t, c.URL, `drop schema `+schema+` cascade`)
	Program(t, "pg_restore", "--dbname="+c.URL, dump)
}

// KeysOf returns a unit's key folder.
func (c *Copy) KeysOf(unit string) string { return filepath.Join(c.of.Keys, unit) }

// Tamper changes the copy of the relay's database as superuser.
func (c *Copy) Tamper(t testing.TB, sql string, args ...any) {
	t.Helper()
	c.of.exec(t, c.URL, sql, args...)
}

// TamperSandbox changes a copy of the sandbox's database.
func (c *Copy) TamperSandbox(t testing.TB, sql string) {
	t.Helper()
	c.sandbox = c.of.clone(t, sandboxTemplate, "sandbox_"+c.name)
	c.of.exec(t, c.sandbox, sql)
}

// Text reads one text from the copy of the relay's database.
func (c *Copy) Text(t testing.TB, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.URL)
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	var text string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&text))
	return text
}

// Audit returns what naru audit finds in the copy.
func (c *Copy) Audit(t testing.TB) []audit.Violation {
	t.Helper()
	dir := t.TempDir()
	file := func(name, address string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(address), 0o600))
		return path
	}
	code, found, _ := Look(t, "audit", "--database", file("relay.url", c.URL), "--sandbox", file("sandbox.url", c.sandbox), "--keys", c.of.Keys)
	require.NotEqual(t, cli.ExitUsage, code)
	return found
}

// Look runs a naru command that reports differences, as an operator would.
func Look(t testing.TB, args ...string) (code int, found []audit.Violation, output string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(t.Context(), append(args, "--json"), &out, &errs)
	var result struct{ Violations []audit.Violation }
	if code != cli.ExitUsage {
		require.NoError(t, json.Unmarshal(out.Bytes(), &result), "%s", errs.String())
	}
	return code, result.Violations, out.String() + errs.String()
}

func (c *Copies) exec(t testing.TB, address, sql string, args ...any) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, address)
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql, args...)
	require.NoError(t, err, sql)
}

func (c *Copies) drop(t testing.TB, name string) {
	t.Helper()
	c.exec(t, c.super, `drop database if exists `+name+` with (force)`)
}

func withDatabase(t testing.TB, address, name string) string {
	t.Helper()
	of, err := url.Parse(address)
	require.NoError(t, err)
	of.Path = "/" + name
	return of.String()
}

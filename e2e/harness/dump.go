package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/pgserver"
	"github.com/naru-relay/naru/services/registry"
)

// Part is a piece of what the relay stores or answers, for example one table or one file.
type Part struct {
	Name string
	Data []byte
}

// unitsDatabase returns the superuser's URL of the units' database. The sandbox has another database.
func (s *Stack) unitsDatabase(t testing.TB) string {
	t.Helper()
	owner, err := os.ReadFile(filepath.Join(s.Dir, "secrets", registry.Units()[0].Name, "owner_url"))
	require.NoError(t, err)
	address, err := url.Parse(strings.TrimSpace(string(owner)))
	require.NoError(t, err)
	password, err := os.ReadFile(filepath.Join(s.Dir, "postgres", "superuser.password"))
	require.NoError(t, err)
	address.User = url.UserPassword(pgserver.Superuser, strings.TrimSpace(string(password)))
	return address.String()
}

// DumpDatabase dumps every table of the units' database, with each partition separately. Each table is dumped twice: as text, in
// which bytea is hex, and in PostgreSQL's binary format, in which text and bytea are the bytes themselves.
func (s *Stack) DumpDatabase(t testing.TB) []Part {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.unitsDatabase(t))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	const tables = `
		select format('%I.%I', n.nspname, c.relname)
		from   pg_class c join pg_namespace n on n.oid = c.relnamespace
		where  c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
		order  by 1`
	rows, err := conn.Query(t.Context(), tables)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	var parts []Part
	for _, name := range names {
		for _, format := range []string{"text", "binary"} {
			var data bytes.Buffer
			_, err := conn.PgConn().CopyTo(t.Context(), &data, "copy "+name+" to stdout (format "+format+")")
			require.NoError(t, err, name)
			parts = append(parts, Part{Name: "database " + name + " (" + format + ")", Data: data.Bytes()})
		}
	}
	return parts
}

// SetBack replaces a unit's schema by the one in a dump. The unit must not run.
func (s *Stack) SetBack(t testing.TB, unit, dump string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.unitsDatabase(t))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), `drop schema `+pgx.Identifier{unit}.Sanitize()+` cascade`)
	require.NoError(t, err)
	Program(t, "pg_restore", "--dbname="+s.unitsDatabase(t), dump)
}

// Streams returns JetStream's files.
func (s *Stack) Streams(t testing.TB) []Part {
	t.Helper()
	var parts []Part
	require.NoError(t, filepath.WalkDir(filepath.Join(s.Dir, "nats"), func(path string, entry fs.DirEntry, err error) error {
		// The server replaces and deletes files while they are read. A file that disappears held nothing that stays.
		if os.IsNotExist(err) || (err == nil && !entry.Type().IsRegular()) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		parts = append(parts, Part{Name: strings.TrimPrefix(path, s.Dir+"/"), Data: data})
		return nil
	}))
	return parts
}

// Logs returns the logs of the relay.
func (s *Stack) Logs(t testing.TB) []Part {
	t.Helper()
	return s.files(t, s.Dir, ".log")
}

// keepLogs also writes this process's logs of the stack to a file in the folder, beside the logs of units in other processes. The
// file is closed when the process ends.
func (s *Stack) keepLogs(also io.Writer) (io.Writer, error) {
	file, err := os.OpenFile(filepath.Join(s.Dir, "narud.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return io.MultiWriter(also, file), nil
}

// TraceFiles returns the files with the units' finished spans.
func (s *Stack) TraceFiles(t testing.TB) []Part {
	t.Helper()
	return s.files(t, filepath.Join(s.Dir, "traces"), ".jsonl")
}

// files reads the files of a folder with this ending.
func (s *Stack) files(t testing.TB, folder, ending string) []Part {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*"+ending))
	require.NoError(t, err)
	parts := make([]Part, 0, len(paths))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		parts = append(parts, Part{Name: strings.TrimPrefix(path, s.Dir+"/"), Data: data})
	}
	return parts
}

// Metrics returns the metrics that the relay exposes.
func (s *Stack) Metrics(t testing.TB) []Part {
	t.Helper()
	addresses := map[string]string{}
	for name, address := range s.Endpoints.Units {
		addresses[name] = address
	}
	if len(addresses) == 0 {
		addresses["narud"] = s.Endpoints.Ops
	}
	var parts []Part
	for name, address := range addresses {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/metrics", nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		data, err := io.ReadAll(response.Body)
		response.Body.Close()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, response.StatusCode, name)
		parts = append(parts, Part{Name: "metrics of " + name, Data: data})
	}
	return parts
}

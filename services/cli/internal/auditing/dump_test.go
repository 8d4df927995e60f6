package auditing

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A crafted dump cannot execute anything: neither psql commands nor statements that only a superuser may run.
func TestADumpRunsNothing(t *testing.T) {
	t.Parallel()
	const dump = "--\n-- PostgreSQL database dump\n--\n\nCREATE SCHEMA intake;\n%s\n-- PostgreSQL database dump complete\n"
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777)) //nolint:gosec // so that the server could write
	trace := filepath.Join(dir, "was-here")
	for name, tc := range map[string]struct{ statement, refused string }{
		"a command of psql's": {`\! touch ` + trace, ""},
		"a program":           {`CREATE TABLE t (a text); COPY t FROM PROGRAM 'touch ` + trace + `';`, "must be superuser"},
		"a file":              {`CREATE TABLE t (a text); COPY t TO '` + trace + `';`, "must be superuser"},
		"another role":        {`SELECT 1; SET SESSION AUTHORIZATION postgres; ALTER ROLE restorer SUPERUSER;`, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "dump.sql")
			require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, dump, "SELECT 1;\n"+tc.statement), 0o600))
			o, err := Place{Dump: file}.open(t.Context())
			if tc.refused == "" {
				require.NoError(t, err)
				require.NotContains(t, o.absent, "intake")
				require.Contains(t, o.absent, "status")
				o.Close()
			} else {
				require.ErrorContains(t, err, tc.refused)
			}
			require.NoFileExists(t, trace)
		})
	}
}

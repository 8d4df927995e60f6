package harness

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's folder, relative to that of the tests.
const root = ".."

// grpcurlPackage is built at the version of tools/grpcurl/go.mod if grpcurl is not installed.
const grpcurlPackage = "github.com/fullstorydev/grpcurl/cmd/grpcurl"

// Tools returns a folder for PATH with the programs that the printed commands need: naru, built from source, and grpcurl if it is
// neither on the PATH nor in .tools. If a program is not available, the test fails.
func (s *Stack) Tools(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(s.Dir, "tools")
	build(t, root, nil, filepath.Join(dir, "naru"), "./services/cli/cmd/naru")
	if _, err := exec.LookPath("grpcurl"); err == nil {
		return dir
	}
	made, err := filepath.Abs(filepath.Join(root, ".tools", "grpcurl"))
	require.NoError(t, err)
	if _, err := os.Stat(made); err == nil {
		require.NoError(t, os.Symlink(made, filepath.Join(dir, "grpcurl")))
		return dir
	} else if !errors.Is(err, fs.ErrNotExist) {
		require.NoError(t, err)
	}
	build(t, filepath.Join(root, "tools", "grpcurl"), []string{"GOWORK=off"}, filepath.Join(dir, "grpcurl"), grpcurlPackage)
	return dir
}

func build(t testing.TB, dir string, env []string, program, of string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "build", "-o", program, of)
	command.Dir, command.Env = dir, append(os.Environ(), env...)
	out, err := command.CombinedOutput()
	require.NoError(t, err, "%s is missing and cannot be built of %s in %s: %s", filepath.Base(program), of, dir, out)
}

// Shell runs a command in a shell that finds these tools first, and returns its output. An exit status other than 0 fails the
// test.
func (s *Stack) Shell(t testing.TB, tools, text string) (stdout string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "sh", "-c", text) //nolint:gosec // what the relay prints for its users
	command.Env = append(os.Environ(), "PATH="+tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	command.Dir = t.TempDir()
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	require.NoError(t, command.Run(), "%s\n%s%s", text, &out, &problems)
	return out.String()
}

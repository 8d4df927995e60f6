package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	checkout = "../../.."
	name     = "ferry"
)

// written lists the files that mention a new unit.
var written = []string{"README.md", "README.ko.md", "docs/access.md", "docs/architecture.md", "deploy/nats/accounts.conf", ".golangci.yml", registryFile}

// A new unit is in every generated list except docs/access.md, because it has no RPC yet. It passes its tests, runs in one
// process with all others and in a process of its own, where the doors know it. Without its folder and its lines it is gone. The
// test creates it outside of the checkout, whose files do not change.
func TestAUnitIsAFolderAndItsLines(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	committed := map[string]string{}
	for _, file := range written {
		raw, err := os.ReadFile(filepath.Join(checkout, file))
		require.NoError(t, err)
		committed[file] = string(raw)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(root, file), raw, 0o600))
	}
	require.NoError(t, lay(root, name))
	require.ErrorContains(t, lay(root, name), "is there already")

	flags := "GOFLAGS=-overlay=" + overlay(t, root)
	run(t, ".", []string{flags}, "go", "run", "./deploy/dev/lists", "-root", root, "-write")
	for _, file := range written {
		raw, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Equal(t, file != "docs/access.md", strings.Contains(string(raw), name), file)
	}
	// go test runs a test in the folder of its package, which the overlay does not create. So the binary is run from here. vet
	// would need the folder too.
	own := filepath.Join(root, name+".test")
	run(t, ".", []string{flags}, "go", "test", "-vet=off", "-c", "-o", own, "./services/"+name)
	run(t, ".", nil, own)
	run(t, ".", []string{flags}, "go", "test", "-vet=off", "-count=1", "./services/registry", "./deploy/config")
	journeys := filepath.Join(root, "e2e.test")
	run(t, "e2e", []string{flags}, "go", "test", "-vet=off", "-c", "-ldflags=-s -w", "-o", journeys, ".")
	for _, mode := range []string{"inproc", "procs"} {
		told := run(t, "e2e", []string{flags, "E2E_MODE=" + mode}, journeys, "-test.v", "-test.run", "^TestEveryUnitIsThere$")
		require.Contains(t, told, "--- PASS: TestEveryUnitIsThere/"+name)
	}

	require.NoError(t, os.RemoveAll(filepath.Join(root, "services", name)))
	registry := filepath.Join(root, registryFile)
	raw, err := os.ReadFile(registry)
	require.NoError(t, err)
	var kept []string
	for line := range strings.SplitAfterSeq(string(raw), "\n") {
		if !strings.Contains(line, name) {
			kept = append(kept, line)
		}
	}
	require.NoError(t, os.WriteFile(registry, []byte(strings.Join(kept, "")), 0o600))
	run(t, ".", nil, "go", "run", "./deploy/dev/lists", "-root", root, "-write")
	for _, file := range written {
		raw, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Equal(t, committed[file], string(raw), file)
	}
}

// overlay makes the go command see the files under root as if they were in the checkout.
func overlay(t *testing.T, root string) string {
	t.Helper()
	base, err := filepath.Abs(checkout)
	require.NoError(t, err)
	replaced := map[string]string{filepath.Join(base, registryFile): filepath.Join(root, registryFile)}
	require.NoError(t, filepath.WalkDir(filepath.Join(root, "services", name), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(root, path)
		replaced[filepath.Join(base, relative)] = path
		return err
	}))
	raw, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	file := filepath.Join(root, "overlay.json")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	return file
}

// run runs a command in a folder of the checkout and returns its output.
func run(t *testing.T, folder string, env []string, command ...string) string {
	t.Helper()
	of := exec.CommandContext(t.Context(), command[0], command[1:]...)
	of.Dir, of.Env = filepath.Join(checkout, folder), append(os.Environ(), env...)
	told, err := of.CombinedOutput()
	require.NoError(t, err, "%v\n%s", command, told)
	return string(told)
}

func TestBadNames(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "Ferry", "ferry2", "fer-ry", strings.Repeat("f", 21), "../ferry"} {
		require.ErrorContains(t, lay(t.TempDir(), bad), "no name of a unit", bad)
	}
}

// A registry file with an unexpected form is an error, and stays unchanged.
func TestARegistryThatLooksDifferent(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	file := filepath.Join(root, registryFile)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte("package registry\n"), 0o600))
	require.ErrorContains(t, lay(root, name), "does not look as it should")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "package registry\n", string(raw))
	require.NoDirExists(t, filepath.Join(root, "services"+"/"+name))
}

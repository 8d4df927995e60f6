package durable_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/durable"
)

func TestWriteFileMakesAndReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	for content, mode := range map[string]fs.FileMode{"one": 0o600, "two": 0o644} {
		require.NoError(t, durable.WriteFile(path, []byte(content), mode))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, content, string(written))
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
	requireAlone(t, path)
}

// A file that cannot be put in its place leaves nothing behind.
func TestWriteFileLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(taken, 0o700))
	require.ErrorContains(t, durable.WriteFile(taken, []byte("x"), 0o600), "write file taken")
	requireAlone(t, taken)
	require.ErrorIs(t, durable.WriteFile(filepath.Join(dir, "none", "file"), nil, 0o600), fs.ErrNotExist)
}

func requireAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, filepath.Base(path), entries[0].Name())
}

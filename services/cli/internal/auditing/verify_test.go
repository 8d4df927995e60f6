package auditing

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/journal"
)

// What a mirror's folder has is known of each unit's log, its time stamps only where their authorities are; a folder without
// any is no mirror.
func TestFromMirror(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := fromFiles(Files{Mirror: dir})
	require.ErrorContains(t, err, "holds no mirror")
	for name, content := range map[string]string{
		"intake/checkpoint": "naru/x/intake/1\n7\n", "intake/stamps/5.checkpoint": "naru/x/intake/1\n5\n", "intake/stamps/5.checkpoint.tst": "token",
		"intake/seen.json":  `{"at":"2026-03-02T00:00:00Z","size":7}`,
		"nobody/checkpoint": "naru/x/nobody/1\n1\n",
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
	k, err := fromFiles(Files{Mirror: dir})
	require.NoError(t, err)
	require.Equal(t, []string{"naru/x/intake/1\n7\n", "naru/x/intake/1\n5\n"}, k.checkpoints)
	require.Empty(t, k.stamps)
	require.Equal(t, map[string]time.Time{"intake": time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}, k.lookedAt)
	require.Equal(t, []journal.Stamp{{Published: "naru/x/intake/1\n5\n", Token: []byte("token")}}, k.mirrored)

	require.NoError(t, os.Remove(filepath.Join(dir, "intake/stamps/5.checkpoint.tst")))
	_, err = fromFiles(Files{Mirror: dir})
	require.ErrorContains(t, err, "read a time stamp")
}

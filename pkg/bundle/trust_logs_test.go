package bundle

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/naru-relay/naru/pkg/journal"
	"github.com/naru-relay/naru/pkg/logproof/logprooftest"
)

// The keys of a folder are those of several units, each with its own: a log that one key can sign and witness has no witness.
func TestKeysOfLogs(t *testing.T) {
	t.Parallel()
	key := func(unit string) logprooftest.Key {
		k, err := logprooftest.NewKey("naru-01-test", unit)
		require.NoError(t, err)
		return k
	}
	read := func(files map[string]string, outside ...string) error {
		folder := t.TempDir()
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+journal.KeysSuffix), []byte(content), 0o600))
		}
		c := LogsConfig{Folder: folder}
		for i, content := range outside {
			file := filepath.Join(folder, fmt.Sprint("outside-", i))
			require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
			c.Witnesses = append(c.Witnesses, file)
		}
		_, err := c.read()
		return err
	}
	of := func(log, cosigner logprooftest.Key) string { return log.Public + "\n" + cosigner.PublicCosigner + "\n" }
	delivery, status, again := key("delivery"), key("status"), key("delivery")
	_, public, ok := cutKey(delivery.Public)
	require.True(t, ok)
	// The key of delivery in the name of status.
	renamed, err := note.NewEd25519VerifierKey(journal.OwnerOf("naru-01-test", "status"), ed25519.PublicKey(public))
	require.NoError(t, err)
	require.NoError(t, read(map[string]string{"delivery": of(delivery, delivery), "status": of(status, status)}))
	require.ErrorContains(t, read(map[string]string{"delivery": of(delivery, delivery), "old": of(again, again)}), "of one unit")
	require.ErrorContains(t, read(map[string]string{"delivery": of(delivery, delivery), "status": of(status, delivery)}), "not in its name")
	require.ErrorContains(t, read(map[string]string{"delivery": of(delivery, delivery), "status": renamed + "\n" + status.PublicCosigner}), "one key")
	require.ErrorContains(t, read(map[string]string{"delivery": "delivery\nstatus"}), "not in its name")
	units := map[string]string{"delivery": of(delivery, delivery), "status": of(status, status)}
	require.NoError(t, read(units, again.PublicCosigner))
	require.ErrorContains(t, read(units, status.PublicCosigner), "no key of its own", "a unit is not outside")
	require.ErrorContains(t, read(units, again.PublicCosigner, again.PublicCosigner), "no key of its own", "one is not two")
}

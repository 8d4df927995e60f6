package bundle

import (
	"crypto/ed25519"
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
	read := func(files map[string]string) error {
		folder := t.TempDir()
		for name, content := range files {
			require.NoError(t, os.WriteFile(filepath.Join(folder, name+journal.KeysSuffix), []byte(content), 0o600))
		}
		_, err := logs(folder)
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
}

package journal_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/naru-relay/naru/pkg/journal"
)

// The paths are those of C2SP tlog-tiles.
func TestTilePaths(t *testing.T) {
	t.Parallel()
	for path, tile := range map[string]tlog.Tile{
		"tile/0/000":               {H: 8, L: 0, N: 0, W: 256},
		"tile/0/x001/x234/067.p/5": {H: 8, L: 0, N: 1234067, W: 5},
		"tile/2/012":               {H: 8, L: 2, N: 12, W: 256},
		"tile/7/000.p/1":           {H: 8, L: 7, N: 0, W: 1},
	} {
		got, err := journal.ParseTilePath(path)
		require.NoError(t, err, path)
		require.Equal(t, tile, got)
		require.Equal(t, path, journal.TilePath(tile))
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/0/000.p/256", "tile/0/000.p/0", "tile/8/000", "tile/00/000",
		"tile/data/000", "tile/entries/000", "tile/-1/000", "tile/0/000/", "/tile/0/000", "tile/0/../000", "tile/0/000.p/05", "tile/0/001/002",
	} {
		_, err := journal.ParseTilePath(path)
		require.ErrorIs(t, err, journal.ErrNoTile, path)
	}
}

// A path that is taken has one spelling.
func FuzzTilePath(f *testing.F) {
	f.Add("tile/0/x001/x234/067.p/5")
	f.Add("tile/data/000")
	f.Fuzz(func(t *testing.T, path string) {
		tile, err := journal.ParseTilePath(path)
		if err != nil {
			return
		}
		require.Equal(t, path, journal.TilePath(tile))
		require.True(t, tile.L >= 0 && tile.L <= 7 && tile.N >= 0 && tile.W >= 1 && tile.W <= 256, path)
	})
}

// What is read of a log by its tiles is what its published checkpoint signs, and both signatures are under it.
func TestPublishedLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	logger, of, _ := witnessed(t, b)
	newest, err := journal.Publication{}.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	require.Empty(t, newest.Published())
	for i := range 3 {
		b.state(t, cancelled(fmt.Sprint("doc-", i)))
		require.NoError(t, logger.Drain(t.Context()))
	}
	newest, err = journal.Publication{}.Newest(t.Context(), b.db.App)
	require.NoError(t, err)
	published := newest.Published()
	log, err := note.NewVerifier(b.Signer.Public)
	require.NoError(t, err)
	witness, err := formats.NewVerifierForCosignatureV1(of.Key.PublicCosigner)
	require.NoError(t, err)
	byLog, err := journal.ParseCheckpoint(published, log)
	require.NoError(t, err)
	byWitness, err := journal.ParseCheckpoint(published, witness)
	require.NoError(t, err)
	require.Equal(t, byLog.Tree, byWitness.Tree)

	leaves, err := journal.ReadTile(t.Context(), b.db.App, tlog.Tile{H: 8, W: 3})
	require.NoError(t, err)
	require.Len(t, leaves, 3*sha256.Size)
	node := func(a, b []byte) [32]byte { return sha256.Sum256(append(append([]byte{1}, a...), b...)) } // RFC 6962 section 2.1
	left := node(leaves[:32], leaves[32:64])
	require.Equal(t, byLog.Hash, tlog.Hash(node(left[:], leaves[64:])))
	fewer, err := journal.ReadTile(t.Context(), b.db.App, tlog.Tile{H: 8, W: 2})
	require.NoError(t, err)
	require.Equal(t, leaves[:64], fewer)
	for _, tile := range []tlog.Tile{{H: 8, W: 4}, {H: 8, N: 1, W: 1}, {H: 8, L: 1, W: 1}} {
		_, err = journal.ReadTile(t.Context(), b.db.App, tile)
		require.ErrorIs(t, err, journal.ErrNoTile)
	}
}

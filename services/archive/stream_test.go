package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// zeros is content that is nowhere in memory.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// A document of 64 MiB passes through without being held: the heap stays within 32 MiB of what it was. Not parallel, so that no
// other test's heap is counted.
func TestLargeDocument(t *testing.T) {
	const size = 64 << 20
	b := setup(t)
	digest := sha256.New()
	_, err := io.CopyN(digest, zeros{}, size)
	require.NoError(t, err)
	facts := b.document(t, "큰 문서")
	facts.DocumentHash.Value = hex.EncodeToString(digest.Sum(nil))
	facts.DocumentContent = b.content.put(file{
		bytes: func() io.Reader { return io.LimitReader(zeros{}, size) }, size: size, hash: facts.GetDocumentHash().GetValue(),
	})
	before, most, pieces := heap(), uint64(0), 0
	b.content.mu.Lock()
	b.content.read = func() {
		if pieces++; pieces%64 == 0 {
			most = max(most, heap())
		}
	}
	b.content.mu.Unlock()
	b.resolve(t, facts, 1)
	made := b.awaitDeposited(t, 1)[0]
	require.EqualValues(t, 1, made.GetAttempt())
	b.content.mu.Lock()
	defer b.content.mu.Unlock()
	require.Greater(t, pieces, 64)
	require.Less(t, most, before+32<<20)
}

// heap is what is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

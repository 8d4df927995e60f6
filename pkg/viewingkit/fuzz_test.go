package viewingkit_test

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/viewingkit"
)

// Whatever a log file holds, opening it either goes on from a chain that
// verifies or refuses; it never accepts what a reader would call broken.
func FuzzOpenFileLog(f *testing.F) {
	e, err := viewingkit.EmptyHead().Follow(viewingkit.Check{At: morning, Outcome: viewingkit.OutcomeShow})
	require.NoError(f, err)
	good := `{"seq":1,"prev":"` + e.Prev + `","digest":"` + e.Digest + `","record":` + string(e.Record) + "}\n"
	for _, seed := range []string{"", "\n", good, good + good, good + "{", good[:len(good)-1], `{"seq":1}` + "\n", "null\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, content, 0o600))
		l, err := viewingkit.OpenFileLog(path)
		if err != nil {
			return
		}
		defer func() { require.NoError(t, l.Close()) }()
		_, err = l.Append(t.Context(), viewingkit.Check{At: morning})
		require.NoError(t, err)
		head, err := viewingkit.VerifyChain(viewingkit.ReadFileLog(path))
		require.NoError(t, err)
		require.Equal(t, l.Head(), head)
	})
}

// A hash equals itself only when it is well formed hexadecimal.
func FuzzHashEqual(f *testing.F) {
	f.Add("SHA_256", "ab")
	f.Add("", "")
	f.Add("SHA-256", "AB ")
	f.Fuzz(func(t *testing.T, algorithm, value string) {
		h := viewingkit.Hash{Algorithm: algorithm, Value: value}
		_, err := hex.DecodeString(value)
		require.Equal(t, err == nil && value != "", h.Equal(h))
	})
}

package viewingkit_test

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/viewingkit"
)

// A hash equals itself only if it is well-formed hexadecimal.
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

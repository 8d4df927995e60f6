// Package keystest makes keys for tests.
package keystest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/keys"
)

// Signer is a new signing key of a purpose, in a folder of its own.
func Signer(t testing.TB, purpose string) keys.Signer {
	t.Helper()
	store, err := keys.Open(t.TempDir(), keys.Options{Create: true})
	require.NoError(t, err)
	key, err := store.Signer(t.Context(), purpose)
	require.NoError(t, err)
	return key
}

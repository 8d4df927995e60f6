package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/testkit/certs"
)

// Roots are those of the file. A file without roots is an error, because nothing would verify.
func TestRoots(t *testing.T) {
	t.Parallel()
	ca := certs.NewCA(t, "root")
	path := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(path, ca.PEM(), 0o600))
	roots, err := config.Roots(path)
	require.NoError(t, err)
	require.True(t, roots.Equal(ca.Pool()))

	require.NoError(t, os.WriteFile(path, []byte("no certificate"), 0o600))
	_, err = config.Roots(path)
	require.ErrorContains(t, err, "holds no certificate")
	_, err = config.Roots(path + ".missing")
	require.ErrorIs(t, err, os.ErrNotExist)
}

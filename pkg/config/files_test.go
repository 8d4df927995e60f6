package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
)

// Every file that is named and cannot be read is told by the path of its setting; what is not named is not missed.
func TestMissing(t *testing.T) {
	t.Parallel()
	type pair struct {
		Certificate string `yaml:"certificate_file" reads:"file"`
		Written     string `yaml:"written_file"`
	}
	there := filepath.Join(t.TempDir(), "there")
	require.NoError(t, os.WriteFile(there, []byte("content"), 0o600))
	err := config.Missing(&struct {
		Root  string          `yaml:"root" reads:"file"`
		None  string          `yaml:"none" reads:"file"`
		Roots []string        `yaml:"roots" reads:"file"`
		Pair  pair            `yaml:"pair"`
		Peers map[string]pair `yaml:"peers"`
		Lazy  *pair           `yaml:"lazy"`
	}{
		Root: filepath.Dir(there), Roots: []string{there, there + "-1"}, Pair: pair{Certificate: there, Written: there + "-2"},
		Peers: map[string]pair{"ferry": {Certificate: there + "-3"}},
	})
	require.ErrorContains(t, err, "root: names what is no file")
	require.ErrorContains(t, err, "roots[1]: names a file that cannot be read")
	require.ErrorContains(t, err, "peers.ferry.certificate_file: names a file that cannot be read")
	for _, not := range []string{"none", "roots[0]", "pair", "lazy", "-2"} {
		require.NotContains(t, err.Error(), not)
	}
	require.NoError(t, config.Missing(&pair{Certificate: there}))
}

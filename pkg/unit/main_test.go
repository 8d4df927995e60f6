package unit

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/telemetry"
	"github.com/naru-relay/naru/pkg/testkit/certs"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/work"
)

// filed are settings that name a file.
type filed struct {
	Roots []string `yaml:"roots" reads:"file"`
}

func (*filed) Validate() error { return nil }

func ferry(roots ...string) Unit {
	return Spec[*filed, string]{
		Name: "ferry", Settings: "roots: []\n", Defaults: func() *filed { return &filed{Roots: roots} },
		Migrations: fstest.MapFS{"migrations/00001_init.sql": {Data: []byte("-- +goose Up\nselect 1;")}},
		Build:      func(context.Context, *Env, *filed) (string, error) { return "", nil },
	}.Unit()
}

// Arguments that say nothing a unit knows start nothing; asking for help is no error.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		word string
		code int
		told string
	}{{"bogus", ExitUsage, `"bogus"`}, {"-bogus", ExitUsage, "-bogus"}, {"-help", ExitOK, "-migrate"}} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, test.code, run(t.Context(), ferry(), []string{test.word}, &stdout, &stderr), test.word)
		require.Contains(t, stderr.String(), test.told)
	}
}

// -check tells every file that is not there, by the setting that names it, and so does a start.
func TestCheckSeesMissingFiles(t *testing.T) {
	t.Parallel()
	ca := certs.NewCA(t, "units")
	authority, certificate, key := ca.Leaf([]string{"127.0.0.1"}).Files()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	platform := func(certificate, key string) {
		write("platform.yaml", `platform_id: p
secrets_dir: `+dir+`/secrets
bus: {url: "tls://127.0.0.1:4222", ca_file: `+dir+`/bus.pem}
keys: {dir: `+dir+`/keys}
network:
  authority_file: `+authority+`
  identities:
    ferry: {listen: "127.0.0.1:0", certificate_file: `+certificate+`, key_file: `+key+`}
`)
	}
	check := func(args ...string) (int, string) {
		var told bytes.Buffer
		code := run(t.Context(), ferry(filepath.Join(dir, "root.pem")), append([]string{"-platform", filepath.Join(dir, "platform.yaml")}, args...), &told, &told)
		return code, told.String()
	}
	platform(dir+"/none.pem", dir+"/none.key")
	for _, flag := range []string{"-check", "-migrate"} {
		code, told := check(flag)
		require.Equal(t, ExitUsage, code)
		for _, missing := range []string{
			"network.identities.ferry.certificate_file", "network.identities.ferry.key_file", "bus.ca_file", "roots[0]", "secrets_dir", "database_url",
			"bus_password", "keys.dir",
		} {
			require.Contains(t, told, missing)
		}
		require.Equal(t, flag == "-migrate", bytes.Contains([]byte(told), []byte("owner_url")))
	}
	platform(certificate, key)
	for _, name := range []string{"bus.pem", "root.pem", "secrets/ferry/database_url", "secrets/ferry/bus_password", "keys/ferry/key"} {
		write(name, "content")
	}
	code, told := check("-check")
	require.Equal(t, ExitOK, code, told)
	code, _ = check("-print-config")
	require.Equal(t, ExitOK, code, "settings are shown wherever they are read")
}

// A unit whose schema lacks its migrations says so, and what to do, before it works on anything.
func TestUnitWithoutMigrations(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, "ferry")
	_, err := build(t.Context(), Runtime{
		Database:  func(string) Database { return Database{URL: db.AppURL, OwnerURL: db.OwnerURL, MaxConns: 2} },
		Telemetry: func(name string) telemetry.Options { return telemetry.Options{Unit: name, LogWriter: io.Discard} },
		Config:    func(string, Config) error { return nil },
	}, work.NewSlots(), ferry())
	require.ErrorContains(t, err, "build ferry: it has to be brought forward first (-migrate)")
	require.ErrorContains(t, err, "version 0 of its unit migrations, and this program needs 1")
}

package config_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/config"
)

type database struct {
	URL          string            `yaml:"url"`
	PasswordFile config.SecretFile `yaml:"password_file"`
	MaxConns     int32             `yaml:"max_conns"`
}

type peer struct {
	Name    string          `yaml:"name"`
	Timeout config.Duration `yaml:"timeout"`
}

type shared struct {
	Region string `yaml:"region"`
}

type sample struct {
	shared   `yaml:"-"`
	Common   common            `yaml:",inline"`
	Listen   string            `yaml:"listen"`
	Ratio    float64           `yaml:"ratio"`
	Tolerant bool              `yaml:"tolerant"`
	Interval time.Duration     `yaml:"interval"`
	Grace    config.Duration   `yaml:"grace"`
	Level    slog.Level        `yaml:"level"`
	Quota    uint16            `yaml:"quota"`
	Database database          `yaml:"database"`
	Backup   *database         `yaml:"backup"`
	Peers    []peer            `yaml:"peers"`
	Limits   map[string]peer   `yaml:"limits"`
	Labels   map[string]string `yaml:"labels"`
}

type common struct {
	Unit string `yaml:"unit"`
}

func (s *sample) Validate() error {
	var p config.Problems
	if s.Ratio > 1 {
		p.Add("ratio", "must not be above 1")
	}
	p.Within("database", s.Database.validate())
	for i, peer := range s.Peers {
		if peer.Name == "" {
			p.Add(fmt.Sprintf("peers[%d].name", i), "is required")
		}
	}
	return p.Err()
}

func (d database) validate() error {
	var p config.Problems
	if d.MaxConns < 1 {
		p.Add("max_conns", "must be at least 1")
	}
	return p.Err()
}

func defaults() *sample {
	return &sample{
		Listen: "127.0.0.1:8080", Ratio: 0.1, Grace: config.Duration(5 * time.Second), Interval: time.Minute,
		Database: database{URL: "postgres://127.0.0.1/naru", MaxConns: 6},
		Peers:    []peer{{Name: "default"}},
		Limits:   map[string]peer{"slow": {Name: "slow", Timeout: config.Duration(time.Minute)}},
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

// Without a file, or with an empty one, the defaults apply.
func TestLoadDefaults(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", write(t, "empty.yaml", ""), write(t, "comment.yaml", "# nothing yet\n"), write(t, "null.yaml", "---\n")} {
		got := defaults()
		require.NoError(t, config.Load(path, got))
		require.Equal(t, defaults(), got)
	}
}

// The file overlays the defaults: named keys win, lists are replaced, maps are merged, structs are merged field by field.
func TestLoadOverlay(t *testing.T) {
	t.Parallel()
	path := write(t, "unit.yaml", `
unit: intake
listen: "0.0.0.0:1"
ratio: 1
tolerant: true
interval: 1m30s
grace: 250ms
level: WARN
quota: 65535
database:
  password_file: db.secret
backup: {url: "postgres://other", max_conns: 1_000}
peers:
  - name: one
    timeout: 2s
  - {name: two}
limits:
  slow: {timeout: 2m}
  fast: {name: fast}
labels:
  a: "1"
  b: |
    long
`)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "db.secret"), []byte("s3cret \n"), 0o600))
	got := defaults()
	require.NoError(t, config.Load(path, got))

	require.Equal(t, config.Secret("s3cret "), got.Database.PasswordFile.Value(), "only the newline is dropped")
	require.Equal(t, "db.secret", got.Database.PasswordFile.Path())
	got.Database.PasswordFile = config.SecretFile{}
	want := defaults()
	want.Common.Unit, want.Listen, want.Ratio, want.Tolerant, want.Level, want.Quota = "intake", "0.0.0.0:1", 1, true, slog.LevelWarn, 65535
	want.Interval, want.Grace = 90*time.Second, config.Duration(250*time.Millisecond)
	want.Backup = &database{URL: "postgres://other", MaxConns: 1000}
	want.Peers = []peer{{Name: "one", Timeout: config.Duration(2 * time.Second)}, {Name: "two"}}
	want.Limits = map[string]peer{"slow": {Name: "slow", Timeout: config.Duration(2 * time.Minute)}, "fast": {Name: "fast"}}
	want.Labels = map[string]string{"a": "1", "b": "long\n"}
	require.Equal(t, want, got)
}

// An explicit null empties a field that can be empty.
func TestLoadNull(t *testing.T) {
	t.Parallel()
	got := defaults()
	require.NoError(t, config.Load(write(t, "unit.yaml", "peers:\nlimits: null\nbackup: ~\n"), got))
	require.Nil(t, got.Peers)
	require.Nil(t, got.Limits)
	require.Nil(t, got.Backup)
}

// One error reports all problems with their paths, including those of Validate.
func TestLoadTellsEverything(t *testing.T) {
	t.Parallel()
	err := config.Load(write(t, "unit.yaml", `
lisen: hunter2
ratio: 2.5
tolerant: "hunter2"
interval: 30
quota: 65536
database:
  max_conns: 0
  pasword: hunter2
  password_file: missing.secret
peers:
  - name: [hunter2]
  - nam: hunter2
limits:
  slow: {timeout: hunter2}
grace:
listen: 8080
`), defaults())
	require.Error(t, err)
	var paths []string
	for _, p := range config.List(err) {
		paths = append(paths, p.Path)
	}
	require.ElementsMatch(t, []string{
		"lisen", "tolerant", "interval", "quota", "database.pasword", "database.password_file", "peers[0].name", "peers[1].nam",
		"limits.slow.timeout", "grace", "listen", "ratio", "database.max_conns", "peers[0].name", "peers[1].name",
	}, paths)
	require.NotContains(t, err.Error(), "hunter2", "values are never repeated")
	var one *config.Problem
	require.ErrorAs(t, err, &one)
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, yaml, contains string
	}{
		{name: "a key given twice", yaml: "listen: a\nlisten: b\n", contains: "listen"},
		{name: "a second document", yaml: "listen: a\n---\nlisten: b\n", contains: "more than one"},
		{name: "broken YAML", yaml: "listen: [a\n", contains: "line"},
		{name: "a list at the top", yaml: "- a\n", contains: "wants a mapping"},
		{name: "text at the top", yaml: "hello\n", contains: "wants a mapping"},
		{name: "an anchor", yaml: "listen: &a b\n", contains: "anchors"},
		{name: "an alias", yaml: "peers: [*a]\n", contains: "anchors"},
		{name: "a tag", yaml: "listen: !!str b\n", contains: "tags"},
		{name: "a merge key", yaml: "<<: {listen: a}\n", contains: "plain text"},
		{name: "a mapping for text", yaml: "listen: {a: b}\n", contains: "wants text"},
		{name: "a list for a number", yaml: "ratio: [1]\n", contains: "wants a number"},
		{name: "text for a list", yaml: "peers: a\n", contains: "wants a list"},
		{name: "a list for a struct", yaml: "database: [1]\n", contains: "wants a mapping"},
		{name: "an octal number", yaml: "quota: 0o17\n", contains: "whole number"},
		{name: "a hexadecimal number", yaml: "quota: 0x10\n", contains: "whole number"},
		{name: "a negative quota", yaml: "quota: -1\n", contains: "not negative"},
		{name: "not a number", yaml: "ratio: .nan\n", contains: "wants a number"},
		{name: "a list for a duration", yaml: "grace: [1s]\n", contains: "wants a duration"},
		{name: "a mapping for a secret file", yaml: "database: {password_file: {a: b}}\n", contains: "single value"},
		{name: "an embedded field that is not configurable", yaml: "region: a\n", contains: "region: is not a known key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := config.Load(write(t, "unit.yaml", tt.yaml), defaults())
			require.ErrorContains(t, err, tt.contains)
		})
	}
	require.ErrorContains(t, config.Load("", sample{}), "not a pointer")
	require.ErrorContains(t, config.Load("", (*sample)(nil)), "not a pointer")
	require.ErrorIs(t, config.Load(filepath.Join(t.TempDir(), "none.yaml"), defaults()), os.ErrNotExist)
	require.ErrorContains(t, config.Load(t.TempDir(), defaults()), "regular file")
	require.ErrorContains(t, config.Load(write(t, "big.yaml", strings.Repeat("#", 1<<20+1)), defaults()), "at most")
}

// Secrets can only be given as files.
func TestSecrets(t *testing.T) {
	t.Parallel()
	type inline struct {
		Token    config.Secret                `yaml:"token"`
		Password config.SecretFile            `yaml:"password"`
		KeyFile  config.SecretFile            `yaml:"key_file"`
		Many     map[string]config.SecretFile `yaml:"many"`
		List     []config.SecretFile          `yaml:"list"`
	}
	dir := t.TempDir()
	good, empty := filepath.Join(dir, "good"), filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(good, []byte("line\r\n"), 0o600))
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))

	got := inline{KeyFile: config.SecretAt(good)}
	require.ErrorContains(t, config.Load(write(t, "unit.yaml", "token: hunter2\n"), &got), "token: secrets are not written")
	require.Equal(t, config.Secret("line"), got.KeyFile.Value(), "a default file is read too")
	require.ErrorContains(t, config.Load("", &struct {
		KeyFile config.SecretFile `yaml:"key_file"`
	}{config.SecretAt(empty)}), "key_file: the secret file is empty")
	require.ErrorContains(t, config.Load("", &got), "password: names a secret file")

	type collections struct {
		Many map[string]config.SecretFile `yaml:"many"`
		List []config.SecretFile          `yaml:"list"`
	}
	var c collections
	require.NoError(t, config.Load(write(t, "unit.yaml", fmt.Sprintf("many: {a: %q}\nlist: [%q]\n", good, good)), &c))
	require.Equal(t, config.Secret("line"), c.Many["a"].Value())
	require.Equal(t, config.Secret("line"), c.List[0].Value())
}

// A secret appears in no formatting, log or encoding, not even as part of a configuration.
func TestRedaction(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	c := struct {
		Token   config.Secret     `json:"token"    yaml:"token"`
		KeyFile config.SecretFile `json:"key_file" yaml:"key_file"`
		Grace   config.Duration   `json:"grace"    yaml:"grace"`
	}{secret, config.InlineSecret(secret), config.Duration(time.Minute)}

	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "shown",
		slog.Any("token", c.Token), slog.Any("file", c.KeyFile), slog.Any("all", c))
	asJSON, err := json.Marshal(c)
	require.NoError(t, err)
	asYAML, err := config.Marshal(c)
	require.NoError(t, err)
	for _, shown := range []string{
		log.String(), string(asJSON), string(asYAML), fmt.Sprint(c.Token, c.KeyFile),
		fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c.Token, c.Token), fmt.Sprintf("%v %#v %s", c.KeyFile, c.KeyFile, c.KeyFile),
	} {
		require.NotContains(t, shown, secret)
	}
	require.Contains(t, string(asYAML), `token: "[redacted]"`)
	require.Contains(t, string(asYAML), "grace: 1m0s")
	require.Equal(t, config.Secret(secret), c.KeyFile.Value())
}

// The output of -print-config is a valid file and loads as the same configuration.
func TestMarshalRoundTrip(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "pw"), []byte("x"), 0o600))
	want := defaults()
	want.Database.PasswordFile = config.SecretAt(filepath.Join(dir, "pw"))
	require.NoError(t, config.Load("", want))
	shown, err := config.Marshal(want)
	require.NoError(t, err)
	got := &sample{}
	require.NoError(t, config.Load(write(t, "shown.yaml", string(shown)), got), string(shown))
	require.Equal(t, want.Database, got.Database)
	require.Equal(t, want.Peers, got.Peers)
	require.Equal(t, want.Grace, got.Grace)
	require.Equal(t, want.Interval, got.Interval)
}

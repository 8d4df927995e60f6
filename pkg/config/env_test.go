package config

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// The environment overrides addresses and secret paths, and nothing else.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	require.NoError(t, os.WriteFile(secret, []byte("from env"), 0o600))
	env := func(values map[string]string) func(string) (string, bool) {
		return func(name string) (string, bool) { v, ok := values[name]; return v, ok }
	}
	type target struct {
		Listen  string     `env:"NARU_LISTEN"   yaml:"listen"`
		KeyFile SecretFile `env:"NARU_KEY_FILE" yaml:"key_file"`
		Other   string     `yaml:"other"`
	}
	got := target{Listen: "default", KeyFile: SecretAt("missing"), Other: "kept"}
	require.NoError(t, load("", &got, env(map[string]string{"NARU_LISTEN": "a:1", "NARU_KEY_FILE": secret, "other": "no"})))
	require.Equal(t, "a:1", got.Listen)
	require.Equal(t, Secret("from env"), got.KeyFile.Value())
	require.Equal(t, "kept", got.Other)

	got = target{Listen: "default"}
	require.NoError(t, load("", &got, env(map[string]string{"NARU_LISTEN": ""})))
	require.Equal(t, "default", got.Listen, "an empty variable overrides nothing")

	var wrong struct {
		Token Secret `env:"TOKEN"  yaml:"token"`
		Size  int    `env:"SIZE"   yaml:"size"`
	}
	err := load("", &wrong, env(map[string]string{"TOKEN": "hunter2", "SIZE": "3"}))
	require.Len(t, List(err), 2)
	require.NotContains(t, err.Error(), "hunter2")
}

// No input makes the decoder panic, and decoding the same file again over its result changes nothing.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"listen: a\n", "peers: [{name: a}]\n", "a: &x [*x]\n", "<<: {}\n", "? [a]\n: b\n", "- - -", "{a: {a: {a: 1}}}", "\t", "m: {1: 2, true: x}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := parseBytes(data)
		if err != nil || root == nil {
			return
		}
		var into struct {
			Listen string              `yaml:"listen"`
			Grace  Duration            `yaml:"grace"`
			Count  int                 `yaml:"count"`
			Peers  []map[string]string `yaml:"peers"`
			Tree   *struct {
				Ratio float64 `yaml:"ratio"`
			} `yaml:"tree"`
		}
		d := &decoder{problems: &Problems{}}
		d.value("", root, reflect.ValueOf(&into).Elem())
		d.finish("", reflect.ValueOf(&into).Elem(), func(string) (string, bool) { return "", false })
		for _, problem := range d.problems.list {
			require.NotEmpty(t, problem.Message)
		}
		second := into
		again := &decoder{problems: &Problems{}}
		again.value("", root, reflect.ValueOf(&second).Elem())
		require.Equal(t, into, second)
		require.Equal(t, d.problems.list, again.problems.list)
	})
}

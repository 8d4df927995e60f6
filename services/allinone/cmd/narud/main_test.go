package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/durable"
)

// Arguments that say nothing narud knows start nothing.
func TestArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		args   []string
		code   int
		stderr string
	}{
		{"a word", []string{"bogus"}, exitUsage, `"bogus"`},
		{"a word after flags", []string{"-data", "/nowhere/at/all", "start"}, exitUsage, `"start"`},
		{"an unknown flag", []string{"-bogus"}, exitUsage, "bogus"},
		{"seed without units", []string{"-data", "/nowhere/at/all", "-seed", "-apart"}, exitUsage, "-apart"},
		{"help", []string{"-help"}, exitOK, "-data"},
		{"version", []string{"-version"}, exitOK, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, test.code, run(t.Context(), test.args, &stdout, &stderr))
			require.Contains(t, stderr.String(), test.stderr)
			if test.code != exitOK {
				require.Empty(t, stdout.String())
			}
		})
	}
}

// A second narud on a folder says so, and ends.
func TestFolderInUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release, err := durable.TryLock(dir + "/narud.lock")
	require.NoError(t, err)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run(t.Context(), []string{"-data", dir}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "another narud's")
	require.NoError(t, release())
}

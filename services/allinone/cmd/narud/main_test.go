package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/durable"
	"github.com/naru-relay/naru/pkg/unit"
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
		{"a word", []string{"bogus"}, unit.ExitUsage, `"bogus"`},
		{"a word after flags", []string{"-data", "/nowhere/at/all", "start"}, unit.ExitUsage, `"start"`},
		{"an unknown flag", []string{"-bogus"}, unit.ExitUsage, "bogus"},
		{"seed without units", []string{"-data", "/nowhere/at/all", "-seed", "-apart"}, unit.ExitUsage, "-apart"},
		{"help", []string{"-help"}, unit.ExitOK, "-data"},
		{"version", []string{"-version"}, unit.ExitOK, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, test.code, run(t.Context(), test.args, &stdout, &stderr))
			require.Contains(t, stderr.String(), test.stderr)
			if test.code != unit.ExitOK {
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
	require.Equal(t, unit.ExitFailed, run(t.Context(), []string{"-data", dir}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "another narud's")
	require.NoError(t, release())
}

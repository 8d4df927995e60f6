package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// make demo hands a path on as it was written: neither make nor a shell reads quotes, spaces or $ in it.
func TestMakeDemoTakesAnyPath(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	told := filepath.Join(bin, "told")
	script := "#!/bin/sh\nprintf '%s\\n' \"$@\" > '" + told + "'\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "naru"), []byte(script), 0o700)) //nolint:gosec // a program
	demo := func(doc ...string) string {
		// Nothing is compiled: the program is the script above.
		out, err := exec.CommandContext(t.Context(), "make", append([]string{"-C", "../..", "demo", "GO=true", "BIN=" + bin}, doc...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		args, err := os.ReadFile(told)
		require.NoError(t, err)
		return string(args)
	}
	for _, path := range []string{"/tmp/plain.pdf", "/tmp/a b.pdf", `/tmp/it's "so".pdf`, "/tmp/$HOME/$(x/$$.pdf", "/tmp/`id`;#&나루\\.pdf"} {
		require.Equal(t, "demo\n--narud\n"+bin+"/narud\n--doc\n"+path+"\n", demo("DOC="+path))
	}
	require.Equal(t, "demo\n--narud\n"+bin+"/narud\n", demo())
}

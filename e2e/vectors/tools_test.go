package vectors

import (
	"bytes"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/asic"
)

// tool runs somebody else's program in a folder, and returns what it wrote.
func tool(t *testing.T, folder, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = folder
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s %v: %s (deploy/dev/install-verifiers.sh installs it)", name, args, output)
	return string(output)
}

// Other people's programs agree: what verify.txt in a bundle tells its reader to do leads to the same verdict.
func TestCommonToolsAgree(t *testing.T) {
	t.Parallel()
	const bundled = "good/drawn.asice"
	file, err := filepath.Abs(bundled)
	require.NoError(t, err)
	root := func(name string) string {
		path, err := filepath.Abs(filepath.Join("trust", name))
		require.NoError(t, err)
		return path
	}
	folder := t.TempDir()
	require.Contains(t, tool(t, folder, "unzip", "-t", file), "No errors detected")
	tool(t, folder, "unzip", "-q", file)
	_, at := expected(t)
	unix := []string{"-attime", strconv.FormatInt(at.Unix(), 10)}
	require.Contains(t, tool(t, folder, "openssl", append([]string{
		"ts", "-verify", "-token_in", "-in", "META-INF/timestamp001.tst", "-data", "META-INF/ASiCArchiveManifest.xml", "-CAfile", root("tsa-root.pem"),
	}, unix...)...), "Verification: OK")
	require.Contains(t, tool(t, folder, "openssl", append([]string{
		"cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "META-INF/signature001.p7s", "-content", "META-INF/ASiCManifest001.xml",
		"-CAfile", root("relay-root.pem"), "-purpose", "any", "-out", os.DevNull,
	}, unix...)...), "CAdES Verification successful")
	require.Contains(t, tool(t, folder, "openssl", append([]string{
		"cms", "-verify", "-binary", "-inform", "DER", "-in", "certificates/original.p7m", "-CAfile", root("archive-root.pem"), "-purpose", "any",
	}, unix...)...), "naru-sandbox-archive/1")
	for _, manifest := range []string{asic.ArchiveManifest, asic.Manifest} {
		references, err := asic.Decode(read(t, filepath.Join(folder, manifest)))
		require.NoError(t, err)
		for _, f := range references.Files {
			digest := tool(t, folder, "openssl", "dgst", "-sha256", "-binary", "-out", "digest", f.Name)
			require.Empty(t, digest)
			require.Equal(t, base64.StdEncoding.EncodeToString(f.SHA256[:]), base64.StdEncoding.EncodeToString(read(t, filepath.Join(folder, "digest"))), f.Name)
		}
	}
	tool(t, folder, "qpdf", "--check", "certificates/distribution.pdf")
	// pdfsig tells a mismatch in words alone: it ends with 0 then, too.
	store := filepath.Join(folder, "nss")
	require.NoError(t, os.Mkdir(store, 0o700))
	tool(t, folder, "certutil", "-N", "-d", "sql:"+store, "--empty-password")
	tool(t, folder, "certutil", "-A", "-d", "sql:"+store, "-n", "hub", "-t", "CT,C,C", "-i", root("hub-root.pem"))
	said := tool(t, folder, "pdfsig", "-nssdir", "sql:"+store, "certificates/distribution.pdf")
	for _, word := range []string{"Signature is Valid.", "Total document signed", "ETSI.CAdES.detached", "Certificate is Trusted."} {
		require.Contains(t, said, word)
	}
	// They disagree where this verifier does: a changed byte of what was signed.
	changed := read(t, filepath.Join(folder, asic.Manifest))
	changed[len(changed)-2] ^= 1
	require.NoError(t, os.WriteFile(filepath.Join(folder, "changed.xml"), changed, 0o600))
	command := exec.CommandContext(t.Context(), "openssl", "cms", "-verify", "-cades", "-binary", "-inform", "DER", "-in", "META-INF/signature001.p7s",
		"-content", "changed.xml", "-CAfile", root("relay-root.pem"), "-purpose", "any", "-out", os.DevNull)
	command.Dir = folder
	var output bytes.Buffer
	command.Stderr = &output
	require.Error(t, command.Run())
}

package run

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/testkit/await"
	"github.com/naru-relay/naru/pkg/testkit/pgtest"
	"github.com/naru-relay/naru/pkg/unit"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// folder is a folder with everything that the settings of any system name.
type folder struct {
	t   *testing.T
	dir string
}

func (f folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f folder) write(name, content string) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(f.path(name), []byte(content), 0o600))
}

func newFolder(t *testing.T, schema string) folder {
	t.Helper()
	f := folder{t: t, dir: t.TempDir()}
	db := pgtest.New(t, schema)
	f.write("database_url", db.AppURL+"\n")
	f.write("owner_url", db.OwnerURL+"\n")
	f.write("admin_token", "admin-token-of-the-test")
	f.write("secret", "a secret of sixteen characters or more")
	return f
}

const common = `listen: 127.0.0.1:0
database_url_file: database_url
owner_url_file: owner_url
`

// process is a running system. stop stops it and returns its exit code.
type process struct {
	url  string
	stop func() int
}

func start[C Config](t *testing.T, s System[C], file string, scheme string) process {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- s.run(ctx, []string{"-config", file}, io.Discard, writer)
		_ = writer.Close()
	}()
	addresses := make(chan string, 1)
	var said strings.Builder
	go func() {
		defer close(addresses)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Address != "" {
				addresses <- line.Address
			}
			said.WriteString(lines.Text() + "\n")
		}
	}()
	t.Cleanup(cancel)
	address, ok := <-addresses
	if !ok { // closed after the last line, so said is complete
		t.Fatalf("it ended: %s", said.String())
	}
	return process{url: scheme + "://" + address, stop: func() int { cancel(); return <-code }}
}

func once[C Config](t *testing.T, s System[C], args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	return s.run(t.Context(), args, &out, &errs), out.String(), errs.String()
}

func get(t *testing.T, client *http.Client, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

// A system's process migrates, then serves its interface and /livez, and ends with exit code 0 when told to stop.
func TestEverySystemServes(t *testing.T) {
	t.Parallel()
	t.Run("hub", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t, "sandbox_hub")
		f.write("hub.yaml", common+fmt.Sprintf("pki_dir: %q\nsystem:\n  admin_token_file: admin_token\n", f.path("pki")))
		serves(t, Hub(), f.path("hub.yaml"), "http", http.DefaultClient, "/api/eaddr", http.StatusOK, "resultCode")
		require.FileExists(t, f.path("pki/hub-root.pem"))
	})
	t.Run("archive", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t, "sandbox_archive")
		f.write("archive.yaml", common+fmt.Sprintf("pki_dir: %q\nsystem:\n  admin_token_file: admin_token\n  document_dir: %q\n", f.path("pki"), f.path("documents")))
		serves(t, Archive(), f.path("archive.yaml"), "http", http.DefaultClient, "/archive/documents/1", http.StatusUnauthorized, "")
	})
	t.Run("tsa", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t, "sandbox_tsa")
		f.write("tsa.yaml", common+fmt.Sprintf("pki_dir: %q\nsystem:\n  admin_token_file: admin_token\n", f.path("pki")))
		serves(t, TSA(), f.path("tsa.yaml"), "http", http.DefaultClient, "/tsp", http.StatusMethodNotAllowed, "")
	})
	t.Run("idp", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t, "sandbox_idp")
		f.write("idp.yaml", common+fmt.Sprintf("keys_dir: %q\nsystem:\n  issuer: http://idp.example\n  admin_token_file: admin_token\n  pairwise_secret_file: secret\n", f.path("keys")))
		serves(t, IDP(), f.path("idp.yaml"), "http", http.DefaultClient, "/.well-known/openid-configuration", http.StatusOK, "http://idp.example")
	})
	t.Run("viewing, with TLS", func(t *testing.T) {
		t.Parallel()
		f := newFolder(t, "sandbox_viewing")
		authority, err := pki.Open(pki.Options{Dir: f.path("pki"), Clock: clock.System()})
		require.NoError(t, err)
		f.write("viewing.yaml", common+fmt.Sprintf("certificate_file: %q\nkey_file: %q\n", f.path("pki/server-leaf.pem"), f.path("pki/server-leaf.key"))+`
system:
  admin_token_file: admin_token
  base_url: https://viewing.example
  relay:
    base_url: http://127.0.0.1:1
    client_id: viewing
    client_secret_file: secret
`)
		roots := x509.NewCertPool()
		pem, err := os.ReadFile(authority.RootPath(pki.Server))
		require.NoError(t, err)
		require.True(t, roots.AppendCertsFromPEM(pem))
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}} //nolint:gosec // a test client
		t.Cleanup(client.CloseIdleConnections)
		serves(t, Viewing(), f.path("viewing.yaml"), "https", client, "/sandbox/views", http.StatusUnauthorized, "")
	})
}

func serves[C Config](t *testing.T, s System[C], file, scheme string, client *http.Client, path string, status int, contains string) {
	t.Helper()
	code, _, stderr := once(t, s, "-config", file, "-migrate")
	require.Equal(t, unit.ExitOK, code, stderr)
	p := start(t, s, file, scheme)
	got, _ := get(t, client, p.url+"/livez")
	require.Equal(t, http.StatusNoContent, got)
	got, body := get(t, client, p.url+path)
	require.Equal(t, status, got, body)
	require.Contains(t, body, contains)
	require.Equal(t, unit.ExitOK, p.stop())
}

// A request in progress when the process is told to stop is still answered.
func TestStopFinishesRequests(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "sandbox_idp")
	f.write("idp.yaml", common+fmt.Sprintf("keys_dir: %q\nsystem:\n  issuer: http://idp.example\n  admin_token_file: admin_token\n  pairwise_secret_file: secret\n", f.path("keys")))
	code, _, stderr := once(t, IDP(), "-config", f.path("idp.yaml"), "-migrate")
	require.Equal(t, unit.ExitOK, code, stderr)
	p := start(t, IDP(), f.path("idp.yaml"), "http")
	address := strings.TrimPrefix(p.url, "http://")
	var dial net.Dialer
	conn, err := dial.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	const notice = "시험"
	_, err = fmt.Fprintf(conn, "POST /notices HTTP/1.1\r\nHost: idp.example\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(notice))
	require.NoError(t, err)
	answer := bufio.NewReader(conn)
	line, err := answer.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "100 Continue", "the handler reads the body")

	stopped := make(chan int, 1)
	go func() { stopped <- p.stop() }()
	await.Require(t, 10*time.Second, func() bool {
		second, err := dial.DialContext(t.Context(), "tcp", address)
		if err == nil {
			require.NoError(t, second.Close())
		}
		return err != nil
	})
	_, err = io.WriteString(conn, notice)
	require.NoError(t, err)
	_, err = answer.ReadString('\n') // the empty line after 100 Continue
	require.NoError(t, err)
	line, err = answer.ReadString('\n')
	require.NoError(t, err)
	require.Regexp(t, `^HTTP/1\.1 2\d\d `, line)
	require.Equal(t, unit.ExitOK, <-stopped)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "sandbox_archive")
	f.write("good.yaml", common+"pki_dir: pki\nsystem:\n  admin_token_file: admin_token\n  document_dir: documents\n")
	f.write("bad.yaml", "listen: nowhere\ncertificate_file: a\ndatabase_conns: 1\nlog_level: loud\nsystem:\n  admin_token: x\n  max_document_bytes: 0\n")

	code, stdout, stderr := once(t, Archive(), "-config", f.path("good.yaml"), "-check")
	require.Equal(t, unit.ExitOK, code, stderr)
	require.Contains(t, stdout, "valid")

	code, stdout, _ = once(t, Archive(), "-config", f.path("good.yaml"), "-print-config")
	require.Equal(t, unit.ExitOK, code)
	require.Contains(t, stdout, "admin_token_file: admin_token")
	require.NotContains(t, stdout, "admin-token-of-the-test")
	require.NotContains(t, stdout, "postgres://")

	code, _, stderr = once(t, Archive(), "-config", f.path("bad.yaml"))
	require.Equal(t, unit.ExitUsage, code)
	for _, path := range []string{
		"listen:", "certificate_file:", "database_url_file:", "database_conns:", "log_level:", "pki_dir:", "system.admin_token:", "system.admin_token_file:",
		"system.document_dir:", "system.max_document_bytes:",
	} {
		require.Contains(t, stderr, path)
	}

	code, _, _ = once(t, Archive(), "-unknown")
	require.Equal(t, unit.ExitUsage, code)
	code, _, stderr = once(t, Archive(), "-config", f.path("good.yaml"), "-check", "bogus")
	require.Equal(t, unit.ExitUsage, code)
	require.Contains(t, stderr, `"bogus"`)
	code, stdout, _ = once(t, Archive(), "-version")
	require.Equal(t, unit.ExitOK, code)
	require.NotEmpty(t, stdout)
}

// -migrate says what is missing, and never prints a URL.
func TestMigrateWithoutOwner(t *testing.T) {
	t.Parallel()
	f := newFolder(t, "sandbox_archive")
	settings := strings.Replace(common, "owner_url_file: owner_url\n", "", 1) + "pki_dir: pki\nsystem:\n  admin_token_file: admin_token\n  document_dir: documents\n"
	f.write("archive.yaml", settings)
	code, _, stderr := once(t, Archive(), "-config", f.path("archive.yaml"), "-migrate")
	require.Equal(t, unit.ExitFailed, code)
	require.Contains(t, stderr, "owner_url_file")
	require.NotContains(t, stderr, "postgres://")
}

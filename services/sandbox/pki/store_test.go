package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/services/sandbox/pki"
)

var now = time.Date(2026, 3, 2, 1, 2, 3, 0, time.UTC)

func open(t *testing.T, dir string, at time.Time, names ...string) *pki.Store {
	t.Helper()
	store, err := pki.Open(pki.Options{Dir: dir, Clock: clock.NewFake(at), ServerNames: names})
	require.NoError(t, err)
	return store
}

func TestOpenKeepsWhatItMade(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pki")
	first, second := open(t, dir, now), open(t, dir, now.AddDate(1, 0, 0))
	for _, kind := range []pki.Kind{pki.Hub, pki.Archive, pki.TimeStamp, pki.Relay, pki.Requester, pki.Server} {
		require.Equal(t, first.Root(kind).Raw, second.Root(kind).Raw)
		require.Equal(t, first.Signer(kind).Chain[0].Raw, second.Signer(kind).Chain[0].Raw)
		require.True(t, strings.HasPrefix(first.Root(kind).Subject.CommonName, "시험용"))
		pem, err := os.ReadFile(first.RootPath(kind))
		require.NoError(t, err)
		pool := x509.NewCertPool()
		require.True(t, pool.AppendCertsFromPEM(pem))
		require.True(t, pool.Equal(first.Pool(kind)))
	}
	require.NotEqual(t, first.Root(pki.Hub).Raw, first.Root(pki.Archive).Raw)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 26, "four files of each kind, the lock, and whom to trust")
	for _, entry := range entries {
		info, err := entry.Info()
		require.NoError(t, err)
		if strings.HasSuffix(entry.Name(), ".key") {
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), entry.Name())
		}
	}
}

// Ten processes that open an empty folder at the same time get the same roots and leaves.
func TestOpenAtTheSameTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stores := make([]*pki.Store, 10)
	errs := make([]error, len(stores))
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() { stores[i], errs[i] = pki.Open(pki.Options{Dir: dir, Clock: clock.NewFake(now)}) })
	}
	wg.Wait()
	for i, store := range stores {
		require.NoError(t, errs[i])
		require.Equal(t, stores[0].Root(pki.Hub).Raw, store.Root(pki.Hub).Raw)
		require.Equal(t, stores[0].Signer(pki.Archive).Chain[0].Raw, store.Signer(pki.Archive).Chain[0].Raw)
	}
}

func TestLeafIsRenewedWithItsKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir, now)
	later := now.AddDate(3, 0, -10)
	second := open(t, dir, later)
	require.Equal(t, first.Root(pki.Hub).Raw, second.Root(pki.Hub).Raw)
	require.NotEqual(t, first.Signer(pki.Hub).Chain[0].Raw, second.Signer(pki.Hub).Chain[0].Raw)
	require.Equal(t, first.Signer(pki.Hub).Chain[0].RawSubjectPublicKeyInfo, second.Signer(pki.Hub).Chain[0].RawSubjectPublicKeyInfo)
	require.True(t, second.Signer(pki.Hub).Chain[0].NotAfter.After(later.AddDate(2, 0, 0)))

	named := open(t, dir, later, "sandbox.internal")
	require.Equal(t, []string{"sandbox.internal"}, named.ServerCertificate().Leaf.DNSNames)
	require.Equal(t, second.Signer(pki.Hub).Chain[0].Raw, named.Signer(pki.Hub).Chain[0].Raw)
}

func TestSignersPassAndFailAsNamed(t *testing.T) {
	t.Parallel()
	store := open(t, t.TempDir(), now)
	verify := func(kind pki.Kind, signer pki.Signer) []cms.Check {
		der, err := cms.Sign([]byte("본문"), false, signer.Key, signer.Chain, now)
		require.NoError(t, err)
		_, err = cms.Verify(der, nil, cms.VerifyOptions{Roots: store.Pool(kind), At: now})
		return cms.FailedChecks(err)
	}
	for _, kind := range []pki.Kind{pki.Hub, pki.Archive} {
		require.Empty(t, verify(kind, store.Signer(kind)))
		expired, err := store.Expired(kind)
		require.NoError(t, err)
		require.Equal(t, []cms.Check{cms.Validity}, verify(kind, expired))
		foreign, err := store.Foreign(kind)
		require.NoError(t, err)
		require.Equal(t, []cms.Check{cms.Chain}, verify(kind, foreign))
		require.Equal(t, store.Signer(kind).Chain[0].Subject.String(), foreign.Chain[0].Subject.String())
	}
	require.Equal(t, []cms.Check{cms.Chain}, verify(pki.Archive, store.Signer(pki.Hub)), "each kind has its own root")
	require.Equal(t, []cms.Check{cms.Usage}, verify(pki.Server, store.Signer(pki.Server)), "a server signs no documents")
}

func TestServerCertificateServes(t *testing.T) {
	t.Parallel()
	store := open(t, t.TempDir(), clock.System().Now())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "네") }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{store.ServerCertificate()}, MinVersion: tls.VersionTLS13}
	server.StartTLS()
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: store.Pool(pki.Server), MinVersion: tls.VersionTLS13}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	response, err := (&http.Client{Transport: transport}).Do(request)
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "네", string(body))
}

func TestOpenRefusals(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, dir string)
		want   string
	}{
		{name: "key that others may read", want: "may be read by others", damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Chmod(filepath.Join(dir, "hub-root.key"), 0o644))
		}},
		{name: "key of another root", want: "do not belong together", damage: func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(filepath.Join(dir, "archive-root.key"), filepath.Join(dir, "hub-root.key")))
		}},
		{name: "damaged root", want: "not one PEM block", damage: func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "hub-root.pem"), []byte("x"), 0o600))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			open(t, dir, now)
			tc.damage(t, dir)
			_, err := pki.Open(pki.Options{Dir: dir, Clock: clock.NewFake(now)})
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := pki.Open(pki.Options{Dir: t.TempDir()})
	require.Error(t, err)
}

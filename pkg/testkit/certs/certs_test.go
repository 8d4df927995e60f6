package certs_test

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/naru-relay/naru/pkg/testkit/certs"
)

// Leaves of one authority accept each other over mutual TLS on a real socket; a client of another authority is refused.
func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ca, other := certs.NewCA(t, "test root"), certs.NewCA(t, "another root")
	server := ca.Leaf([]string{"127.0.0.1", "relay.test"})
	tests := []struct {
		name   string
		client *tls.Config
		serves bool
	}{
		{name: "a client of the same authority", client: ca.Leaf([]string{"client.test"}).ClientTLS(), serves: true},
		{name: "a client of another authority", client: foreign(ca, other), serves: false},
		{name: "a client without a certificate", client: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS13}, serves: false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			served, err := exchange(t, server.ServerTLS(), tt.client)
			require.Equal(t, tt.serves, err == nil, "%v", err)
			require.Equal(t, tt.serves, served == "hello")
		})
	}
}

func foreign(trusted, issuer *certs.CA) *tls.Config {
	config := issuer.Leaf([]string{"client.test"}).ClientTLS()
	config.RootCAs = trusted.Pool()
	return config
}

// exchange makes a server greet one client and returns what the client reads.
func exchange(t *testing.T, server, client *tls.Config) (string, error) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err == nil {
			_, _ = conn.Write([]byte("hello"))
			_ = conn.Close()
		}
	}()
	defer func() { _ = listener.Close(); <-done }()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: client}
	conn, err := dialer.DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	buffer := make([]byte, 5)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// crypto/tls can read the files, and a validity set by an option is kept.
func TestFilesAndValidity(t *testing.T) {
	t.Parallel()
	ca := certs.NewCA(t, "test root")
	caFile, certFile, keyFile := ca.Leaf([]string{"relay.test"}).Files()
	require.FileExists(t, caFile)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	require.NoError(t, err)
	_, err = leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: "relay.test"})
	require.NoError(t, err)

	past := ca.Leaf([]string{"relay.test"}, certs.ValidFor(time.Unix(0, 0), time.Unix(1, 0)))
	_, err = past.Cert.Verify(x509.VerifyOptions{Roots: ca.Pool()})
	var invalid x509.CertificateInvalidError
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, x509.Expired, invalid.Reason)
}

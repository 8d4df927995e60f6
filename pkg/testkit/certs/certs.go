// Package certs makes throw-away certificate authorities and TLS certificates for tests. Nothing it makes leaves the test.
package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/cms/cmstest"
)

// validity is how far before and after its making a certificate is valid: enough for a test on a machine with a skewed clock.
const validity = time.Hour

// CA is a certificate authority that exists for one test.
type CA struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
	t    testing.TB
	now  time.Time
}

// Leaf is a certificate with its key, for servers and clients alike.
type Leaf struct {
	Cert *x509.Certificate
	Key  *ecdsa.PrivateKey
	ca   *CA
}

// Option changes the certificate about to be signed.
type Option func(*x509.Certificate)

// ValidFor sets the time in which the certificate is valid, e.g. one that is over.
func ValidFor(from, until time.Time) Option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until }
}

// NewCA makes an authority whose certificates are valid from an hour ago for an hour to come.
func NewCA(t testing.TB, name string, opts ...Option) *CA {
	t.Helper()
	ca := &CA{Key: cmstest.NewKey(t), t: t, now: clock.System().Now()}
	template := ca.template(t, name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	for _, opt := range opts {
		opt(template)
	}
	ca.Cert = cmstest.Issue(t, template, template, ca.Key.Public(), ca.Key)
	return ca
}

// Leaf makes a certificate for the names, host names or IP addresses; the first name is also the subject.
func (ca *CA) Leaf(names []string, opts ...Option) *Leaf {
	ca.t.Helper()
	if len(names) == 0 {
		ca.t.Fatalf("a leaf certificate needs a name")
	}
	template := ca.template(ca.t, names[0])
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	for _, opt := range opts {
		opt(template)
	}
	key := cmstest.NewKey(ca.t)
	return &Leaf{Cert: cmstest.Issue(ca.t, template, ca.Cert, key.Public(), ca.Key), Key: key, ca: ca}
}

// Pool holds this authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Cert)
	return pool
}

// PEM is the authority's certificate.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Cert.Raw})
}

// ServerTLS is a configuration that asks clients for a certificate of the same authority.
func (l *Leaf) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{l.TLS()},
		ClientCAs: l.ca.Pool(), ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// ClientTLS is a configuration that trusts the same authority alone and shows this certificate.
func (l *Leaf) ClientTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{l.TLS()}, RootCAs: l.ca.Pool()}
}

// TLS is the certificate with its key.
func (l *Leaf) TLS() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{l.Cert.Raw}, PrivateKey: l.Key, Leaf: l.Cert}
}

// PEM is the certificate and the PKCS#8 key.
func (l *Leaf) PEM() (cert, key []byte) {
	l.ca.t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(l.Key)
	if err != nil {
		l.ca.t.Fatalf("encoding the key: %v", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: l.Cert.Raw}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// Files writes the authority's certificate, the certificate and the key into a folder of the test.
func (l *Leaf) Files() (caFile, certFile, keyFile string) {
	l.ca.t.Helper()
	dir := l.ca.t.TempDir()
	cert, key := l.PEM()
	files := map[string][]byte{"ca.pem": l.ca.PEM(), "cert.pem": cert, "key.pem": key}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			l.ca.t.Fatalf("writing %s: %v", name, err)
		}
	}
	return filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func (ca *CA) template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	return &x509.Certificate{
		SerialNumber: cmstest.Serial(t), Subject: pkix.Name{CommonName: name},
		NotBefore: ca.now.Add(-validity), NotAfter: ca.now.Add(validity),
	}
}

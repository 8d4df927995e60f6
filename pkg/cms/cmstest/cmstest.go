// Package cmstest makes throw-away authorities and signers for tests of signed documents. For tests only.
package cmstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"
)

// Authority is a certification authority: a root, or one under a root.
type Authority struct {
	Certificate *x509.Certificate
	key         crypto.Signer
	parents     []*x509.Certificate // between this authority and the root, this one first; empty for a root
}

// Signer is a key with its certificate chain, root left out.
type Signer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// NewRoot makes a root named name that is valid from ten years before at to ten years after.
func NewRoot(t testing.TB, name string, at time.Time) *Authority {
	t.Helper()
	key := NewKey(t)
	template := authorityTemplate(t, name, at)
	return &Authority{Certificate: Issue(t, template, template, key.Public(), key), key: key}
}

// Intermediate makes an authority under a.
func (a *Authority) Intermediate(t testing.TB, name string, at time.Time) *Authority {
	t.Helper()
	key := NewKey(t)
	certificate := Issue(t, authorityTemplate(t, name, at), a.Certificate, key.Public(), a.key)
	return &Authority{Certificate: certificate, key: key, parents: append([]*x509.Certificate{certificate}, a.parents...)}
}

// Pool holds the authority's own certificate.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Certificate)
	return pool
}

// Signer issues a P-256 document signer, valid one year either side of at; edit may change the template.
func (a *Authority) Signer(t testing.TB, name string, at time.Time, edit ...func(*x509.Certificate)) Signer {
	t.Helper()
	return a.SignerWithKey(t, NewKey(t), name, at, edit...)
}

// SignerWithKey is Signer for a given key.
func (a *Authority) SignerWithKey(t testing.TB, key crypto.Signer, name string, at time.Time, edit ...func(*x509.Certificate)) Signer {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: Serial(t), Subject: pkix.Name{CommonName: name, Organization: []string{"시험용"}},
		NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(1, 0, 0),
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
		UnknownExtKeyUsage: []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 36}},
		SubjectKeyId:       []byte(name), BasicConstraintsValid: true,
	}
	for _, change := range edit {
		change(template)
	}
	leaf := Issue(t, template, a.Certificate, key.Public(), a.key)
	return Signer{Key: key, Chain: append([]*x509.Certificate{leaf}, a.parents...)}
}

// TimeStamper issues a signer of time stamps.
func (a *Authority) TimeStamper(t testing.TB, name string, at time.Time) Signer {
	t.Helper()
	return a.Signer(t, name, at, func(c *x509.Certificate) {
		value, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		require.NoError(t, err)
		c.UnknownExtKeyUsage = nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: value}}
	})
}

// PEM is the authority's own certificate.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// WritePEM writes the authority's own certificate into a folder, and returns its path.
func WritePEM(t testing.TB, folder, name string, a *Authority) string {
	t.Helper()
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, a.PEM(), 0o600))
	return path
}

// Revoke makes a revocation list of the authority, DER: the certificates were revoked at that moment.
func (a *Authority) Revoke(t testing.TB, when time.Time, certificates ...*x509.Certificate) []byte {
	t.Helper()
	list := &x509.RevocationList{Number: Serial(t), ThisUpdate: when, NextUpdate: when.AddDate(0, 1, 0)}
	for _, certificate := range certificates {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: certificate.SerialNumber, RevocationTime: when})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.Certificate, a.key)
	require.NoError(t, err)
	return der
}

// Answer makes an OCSP answer of the authority: the certificate was revoked at that moment.
func (a *Authority) Answer(t testing.TB, when time.Time, certificate *x509.Certificate) []byte {
	t.Helper()
	der, err := ocsp.CreateResponse(a.Certificate, a.Certificate, ocsp.Response{
		Status: ocsp.Revoked, SerialNumber: certificate.SerialNumber, ThisUpdate: when, NextUpdate: when.AddDate(0, 1, 0), RevokedAt: when,
	}, a.key)
	require.NoError(t, err)
	return der
}

// NewKey makes a P-256 key.
func NewKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func authorityTemplate(t testing.TB, name string, at time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: Serial(t), Subject: pkix.Name{CommonName: name, Organization: []string{"시험용"}},
		NotBefore: at.AddDate(-10, 0, 0), NotAfter: at.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
}

// Serial draws a serial number.
func Serial(t testing.TB) *big.Int {
	t.Helper()
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	return number.Add(number, big.NewInt(1))
}

// Issue signs template with the key of parent, for the public key.
func Issue(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate
}

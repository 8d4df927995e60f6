package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/naru-relay/naru/pkg/attestation"
	"github.com/naru-relay/naru/pkg/bundle"
	"github.com/naru-relay/naru/pkg/tsp"
)

// authority is a root of the vectors.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// must ends the program: a vector that cannot be made is a fault of this program.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newKey() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func serial() *big.Int { return must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))) }

func newAuthority(name string) *authority {
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"시험용"}}, NotBefore: at.AddDate(-5, 0, 0), NotAfter: at.AddDate(20, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, BasicConstraintsValid: true, IsCA: true,
	}
	return &authority{key: key, certificate: issue(template, template, key, key)}
}

func issue(template, parent *x509.Certificate, key, by *ecdsa.PrivateKey) *x509.Certificate {
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by))))
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

// signer issues a certificate for documents; edit changes its template.
func (a *authority) signer(name string, edit ...func(*x509.Certificate)) bundle.Signer {
	key := newKey()
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name, Organization: []string{"시험용"}}, NotBefore: at.AddDate(-1, 0, 0), NotAfter: at.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		BasicConstraintsValid: true,
	}
	for _, change := range edit {
		change(template)
	}
	return bundle.Signer{Key: key, Chain: []*x509.Certificate{issue(template, a.certificate, key, a.key)}}
}

// timeStamps makes a signer's certificate one for time stamps alone.
func timeStamps(c *x509.Certificate) {
	c.ExtKeyUsage = nil
	c.ExtraExtensions = []pkix.Extension{{
		Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: must(asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})),
	}}
}

func validUntil(t time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotAfter = t }
}

func validFrom(t time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore = t }
}

// stamper stamps with a key of its own, at its own time.
type stamper struct {
	signer bundle.Signer
	at     time.Time
	// over, if set, is stamped in place of what is asked for.
	over []byte
	// policy, if set, is another than that of the vectors' trust.
	policy asn1.ObjectIdentifier
	// bend changes the token after it was made.
	bend func([]byte) []byte
}

// Stamp implements bundle.Stamper.
func (s stamper) Stamp(_ context.Context, hash [sha256.Size]byte) ([]byte, *tsp.Token, error) {
	if s.over != nil {
		hash = sha256.Sum256(s.over)
	}
	der, err := attestation.IssueTimeStamp(attestation.Stamp{Hash: hash, Serial: serial(), At: s.at, Policy: s.policy}, s.signer.Key, s.signer.Chain)
	if s.bend != nil {
		der = s.bend(der)
	}
	return der, &tsp.Token{Attestation: attestation.Attestation{At: s.at}, Signer: s.signer.Chain[0], Digest: crypto.SHA256}, err
}

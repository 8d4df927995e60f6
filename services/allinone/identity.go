package allinone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/rpc"
	"github.com/naru-relay/naru/pkg/unit"
)

// identityLife may be short, because identities are made again at each start.
const identityLife = 30 * 24 * time.Hour

// issueIdentities makes an authority, and one identity per unit, for mutual TLS between units in processes of their own.
func issueIdentities(f folder, units []unit.Unit) error {
	now := clock.System().Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "naru units"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(identityLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make authority of units: %w", err)
	}
	if err := writeCertificate(f, "authority", authority, authority, authorityKey, authorityKey); err != nil {
		return err
	}
	for i, u := range units {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return fmt.Errorf("make identity of %s: %w", u.Name, err)
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(now.UnixNano() + int64(i) + 1), Subject: pkix.Name{CommonName: u.Name}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
			URIs: []*url.URL{rpc.UnitURI(u.Name)}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		}
		if err := writeCertificate(f, u.Name, leaf, authority, key, authorityKey); err != nil {
			return err
		}
	}
	return nil
}

func writeCertificate(f folder, name string, template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return fmt.Errorf("make certificate of %s: %w", name, err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key of %s: %w", name, err)
	}
	if err := f.keep(f.path("tls", name+".pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))); err != nil {
		return err
	}
	return f.keep(f.path("tls", name+".key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})))
}

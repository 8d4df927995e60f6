package bundle

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Signer signs bundles: a key with its certificate chain, its own certificate first, without the root.
type Signer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// ReadSigner reads a PEM file with a certificate, and those between it and its root, and one with its key (PKCS #8). They have to
// belong together.
func ReadSigner(certificateFile, keyFile string) (Signer, error) {
	pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		return Signer{}, fmt.Errorf("certificate and key of a signer: %w", err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return Signer{}, errors.New("kind of a signer's key is not accepted")
	}
	s := Signer{Key: key}
	for _, der := range pair.Certificate {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return Signer{}, fmt.Errorf("certificate of a signer: %w", err)
		}
		s.Chain = append(s.Chain, certificate)
	}
	return s, nil
}

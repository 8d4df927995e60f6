package config

import (
	"crypto/x509"
	"fmt"
)

// Roots reads the certificates of a PEM file: those that others must lead to.
func Roots(path string) (*x509.CertPool, error) {
	pem, err := readBounded(path, maxFileBytes)
	if err != nil {
		return nil, fmt.Errorf("reading roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading roots: %s holds no certificate", path)
	}
	return pool, nil
}

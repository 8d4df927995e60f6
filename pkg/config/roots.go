package config

import (
	"crypto/x509"
	"fmt"
)

// Roots reads the certificates of a PEM file: those that others must lead to.
func Roots(path string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	return pool, AddRoots(pool, path)
}

// AddRoots is Roots for several files.
func AddRoots(pool *x509.CertPool, path string) error {
	pem, err := readBounded(path, maxFileBytes)
	if err != nil {
		return fmt.Errorf("reading roots: %w", err)
	}
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("reading roots: %s holds no certificate", path)
	}
	return nil
}

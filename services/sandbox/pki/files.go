package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/naru-relay/naru/pkg/durable"
)

const (
	keyBlock         = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// lock holds the folder's file lock until release is called.
func lock(dir string) (release func() error, err error) {
	return durable.Lock(filepath.Join(dir, ".lock"))
}

// keyFile reads the key, or creates it. It refuses a key file that others may read.
func keyFile(path string) (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKeyFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("look at key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s may be read by others", filepath.Base(path))
	}
	der, err := readPEM(path, keyBlock)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", filepath.Base(path), err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("key file %s holds no EC key", filepath.Base(path))
	}
	return key, nil
}

func newKeyFile(path string) (*ecdsa.PrivateKey, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return key, writePEM(path, keyBlock, der, 0o600)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

// certificateFile reads a certificate; it returns nil without an error if there is none yet.
func certificateFile(path string) (*x509.Certificate, error) {
	der, err := readPEM(path, certificateBlock)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate file %s: %w", filepath.Base(path), err)
	}
	return certificate, nil
}

func readPEM(path, kind string) ([]byte, error) {
	text, err := os.ReadFile(path) //nolint:gosec // a file of the configured folder
	if err != nil {
		return nil, fmt.Errorf("read file: %w", err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != kind || len(rest) != 0 {
		return nil, fmt.Errorf("file %s is not one PEM block %s", filepath.Base(path), kind)
	}
	return block.Bytes, nil
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/naru-relay/naru/pkg/clock"
)

const (
	rootYears = 20
	leafYears = 3
	// backdate lets tests use a time before the first start, and contains the validity of Expired signers.
	backdate = 365 * 24 * time.Hour
	// renewBefore is the minimum remaining validity of a leaf that is still used.
	renewBefore = 30 * 24 * time.Hour
)

// Options of Open.
type Options struct {
	// Dir is the folder; it is created if missing.
	Dir string
	// Clock is the clock by which validity is judged.
	Clock clock.Clock
	// ServerNames are the DNS names and IP addresses of the TLS certificate; default localhost, 127.0.0.1 and ::1.
	ServerNames []string
}

// Signer is a key with its certificate chain: its own certificate first, without the root.
type Signer struct {
	Key   crypto.Signer
	Chain []*x509.Certificate
}

// Store is an opened folder.
type Store struct {
	dir   string
	clock clock.Clock
	kinds map[Kind]*entry
}

type entry struct {
	root             *x509.Certificate
	rootKey, leafKey *ecdsa.PrivateKey
	leaf             *x509.Certificate
}

// Open reads the folder and creates what is missing.
func Open(opts Options) (_ *Store, err error) {
	if opts.Dir == "" || opts.Clock == nil {
		return nil, errors.New("open test authority: folder and clock are required")
	}
	if len(opts.ServerNames) == 0 {
		opts.ServerNames = []string{"localhost", "127.0.0.1", "::1"}
	}
	// Units that run as other users read the roots here. Only the owner can read the keys.
	if err := os.MkdirAll(opts.Dir, 0o755); err != nil { //nolint:gosec // see above
		return nil, fmt.Errorf("open test authority: %w", err)
	}
	release, err := lock(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("open test authority: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	s := &Store{dir: opts.Dir, clock: opts.Clock, kinds: make(map[Kind]*entry)}
	for kind, p := range profiles() {
		e, err := s.open(kind, p, opts.ServerNames)
		if err != nil {
			return nil, fmt.Errorf("open test authority %s: %w", kind, err)
		}
		s.kinds[kind] = e
	}
	return s, s.writeTrust()
}

func (s *Store) open(kind Kind, p profile, names []string) (*entry, error) {
	var e entry
	var err error
	if e.rootKey, err = keyFile(s.path(kind, "root.key")); err != nil {
		return nil, err
	}
	if e.leafKey, err = keyFile(s.path(kind, "leaf.key")); err != nil {
		return nil, err
	}
	now := s.clock.Now()
	if e.root, err = certificateFile(s.RootPath(kind)); err != nil {
		return nil, err
	}
	if e.root == nil {
		if e.root, err = newRoot(p.name+" 루트", e.rootKey, now); err != nil {
			return nil, err
		}
		if err := writePEM(s.RootPath(kind), certificateBlock, e.root.Raw, 0o644); err != nil {
			return nil, err
		}
	}
	if !e.rootKey.PublicKey.Equal(e.root.PublicKey) {
		return nil, errors.New("root certificate and key do not belong together")
	}
	if kind != Server {
		names = nil
	}
	path := s.path(kind, "leaf.pem")
	if e.leaf, err = certificateFile(path); err != nil {
		return nil, err
	}
	if e.leaf == nil || !e.usable(names, now) {
		if e.leaf, err = e.issue(p, names, &e.leafKey.PublicKey, now.Add(-time.Hour), now.AddDate(leafYears, 0, 0)); err != nil {
			return nil, err
		}
		if err := writePEM(path, certificateBlock, e.leaf.Raw, 0o644); err != nil {
			return nil, err
		}
	}
	return &e, nil
}

func (s *Store) path(kind Kind, what string) string {
	return filepath.Join(s.dir, string(kind)+"-"+what)
}

// RootPath returns the PEM file of a kind's root, for units to pin.
func (s *Store) RootPath(kind Kind) string { return s.path(kind, "root.pem") }

// LeafPath is the PEM file of a system's certificate, KeyPath that of its key, for a program that reads them.
func (s *Store) LeafPath(kind Kind) string { return s.path(kind, "leaf.pem") }

// KeyPath is LeafPath's key.
func (s *Store) KeyPath(kind Kind) string { return s.path(kind, "leaf.key") }

// Root returns a kind's root certificate.
func (s *Store) Root(kind Kind) *x509.Certificate { return s.kinds[kind].root }

// Pool returns a pool with only the kind's root.
func (s *Store) Pool(kind Kind) *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.kinds[kind].root)
	return pool
}

// Signer returns a kind's genuine signer.
func (s *Store) Signer(kind Kind) Signer {
	e := s.kinds[kind]
	return Signer{Key: e.leafKey, Chain: []*x509.Certificate{e.leaf}}
}

// Expired returns a signer with the genuine name under the genuine root, whose validity ended yesterday.
func (s *Store) Expired(kind Kind) (Signer, error) {
	now := s.clock.Now()
	e := s.kinds[kind]
	leaf, err := e.issue(profiles()[kind], nil, &e.leafKey.PublicKey, now.AddDate(0, 0, -30), now.AddDate(0, 0, -1))
	if err != nil {
		return Signer{}, fmt.Errorf("make expired signer %s: %w", kind, err)
	}
	return Signer{Key: e.leafKey, Chain: []*x509.Certificate{leaf}}, nil
}

// Foreign returns a signer with the genuine name under a new root that also has the genuine name but is pinned nowhere. Neither
// is stored.
func (s *Store) Foreign(kind Kind) (Signer, error) {
	key, err := newKey()
	if err != nil {
		return Signer{}, fmt.Errorf("make foreign signer %s: %w", kind, err)
	}
	now, p := s.clock.Now(), profiles()[kind]
	root, err := newRoot(p.name+" 루트", key, now)
	if err != nil {
		return Signer{}, fmt.Errorf("make foreign signer %s: %w", kind, err)
	}
	foreign := entry{root: root, rootKey: key}
	leaf, err := foreign.issue(p, nil, &key.PublicKey, now.Add(-time.Hour), now.AddDate(leafYears, 0, 0))
	if err != nil {
		return Signer{}, fmt.Errorf("make foreign signer %s: %w", kind, err)
	}
	return Signer{Key: key, Chain: []*x509.Certificate{leaf}}, nil
}

// ServerCertificate returns the TLS identity of the sandbox systems.
func (s *Store) ServerCertificate() tls.Certificate {
	e := s.kinds[Server]
	return tls.Certificate{Certificate: [][]byte{e.leaf.Raw}, PrivateKey: e.leafKey, Leaf: e.leaf}
}

// ServerFiles are the PEM files of that certificate, for a server that reads them.
func (s *Store) ServerFiles() (certificate, key string) {
	return s.LeafPath(Server), s.KeyPath(Server)
}

// usable reports whether the stored leaf can still be used.
func (e *entry) usable(names []string, now time.Time) bool {
	want := &x509.Certificate{}
	setNames(want, names)
	return e.leafKey.PublicKey.Equal(e.leaf.PublicKey) && e.leaf.CheckSignatureFrom(e.root) == nil &&
		!now.Before(e.leaf.NotBefore) && now.Add(renewBefore).Before(e.leaf.NotAfter) &&
		slices.Equal(e.leaf.DNSNames, want.DNSNames) && slices.EqualFunc(e.leaf.IPAddresses, want.IPAddresses, net.IP.Equal)
}

func (e *entry) issue(p profile, names []string, public *ecdsa.PublicKey, from, until time.Time) (*x509.Certificate, error) {
	number, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: p.name, Organization: []string{Organization}},
		NotBefore: from, NotAfter: until, KeyUsage: p.usage, ExtKeyUsage: p.extended, UnknownExtKeyUsage: p.extendedID,
		ExtraExtensions: p.extensions, BasicConstraintsValid: true,
	}
	setNames(template, names)
	return create(template, e.root, public, e.rootKey)
}

func setNames(template *x509.Certificate, names []string) {
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, name)
	}
}

func newRoot(name string, key *ecdsa.PrivateKey, now time.Time) (*x509.Certificate, error) {
	number, err := serialNumber()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: name, Organization: []string{Organization}},
		NotBefore: now.Add(-backdate), NotAfter: now.AddDate(rootYears, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLen: 0, MaxPathLenZero: true,
	}
	return create(template, template, &key.PublicKey, key)
}

func create(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	return certificate, nil
}

// serialNumber is positive, random and at most 16 octets (RFC 5280 allows 20).
func serialNumber() (*big.Int, error) {
	number, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("make serial number: %w", err)
	}
	return number.Add(number, big.NewInt(1)), nil
}

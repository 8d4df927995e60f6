package rpc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/naru-relay/naru/pkg/clock"
	"github.com/naru-relay/naru/pkg/config"
)

// TLSIdentity is where a unit of this process listens and how it proves who it is.
type TLSIdentity struct {
	// Listen is the address to listen at, e.g. ":7443". Empty where the unit is only a caller.
	Listen string `yaml:"listen"`
	// CertificateFile is a PEM chain whose leaf has the URI SAN naru://unit/<name> and both extended key usages, server and
	// client.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	// KeyFile is the leaf's key in PEM.
	KeyFile string `yaml:"key_file" reads:"file"`
}

// TLSConfig describes the network of units that run as separate processes.
type TLSConfig struct {
	// AuthorityFile holds the root certificates of the units' certificates in PEM; they must be used for nothing else.
	AuthorityFile string `yaml:"authority_file" reads:"file"`
	// Identities of the units in this process, by name.
	Identities map[string]TLSIdentity `yaml:"identities"`
	// Address is where units are: host:port with {unit} in place of the name. If the host name has several addresses, they are
	// used in turn.
	Address string `yaml:"address"`
	// Addresses of units that are elsewhere, host:port, by name.
	Addresses map[string]string `yaml:"addresses"`
}

// unitPlace is where the name of the unit stands in an address for all of them.
const unitPlace = "{unit}"

// addressOf is the address of a unit; empty if none is configured.
func (c *TLSConfig) addressOf(unit string) string {
	if own := c.Addresses[unit]; own != "" {
		return own
	}
	return strings.ReplaceAll(c.Address, unitPlace, unit)
}

// Validate finds what is missing.
func (c *TLSConfig) Validate() error {
	var problems config.Problems
	if c.AuthorityFile == "" {
		problems.Add("authority_file", "is required")
	}
	if len(c.Identities) == 0 {
		problems.Add("identities", "at least one is required")
	}
	for unit, identity := range c.Identities {
		if !validUnit(unit) {
			problems.Add("identities."+unit, "is not a unit's name")
		}
		if identity.CertificateFile == "" || identity.KeyFile == "" {
			problems.Add("identities."+unit, "certificate_file and key_file are required")
		}
	}
	if c.Address != "" {
		if _, _, err := net.SplitHostPort(c.Address); err != nil || !strings.Contains(c.Address, unitPlace) {
			problems.Add("address", "wants host:port with "+unitPlace+" in it")
		}
	}
	for unit, address := range c.Addresses {
		if _, _, err := net.SplitHostPort(address); err != nil || !validUnit(unit) {
			problems.Add("addresses."+unit, "wants a unit's name and host:port")
		}
	}
	return problems.Err()
}

// TLSNetwork is the network of units over mutual TLS 1.3. It is safe for concurrent use.
type TLSNetwork struct {
	connections

	config TLSConfig
	clock  clock.Clock
	roots  *x509.CertPool
	pairs  map[string]*keyPair
}

// NewTLS reads the authority and the certificates of this process's units. Certificate files that are replaced are read again
// within a minute; the authority is read once.
func NewTLS(c TLSConfig, now clock.Clock) (*TLSNetwork, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("joining the units' network: %w", err)
	}
	roots, err := config.Roots(c.AuthorityFile)
	if err != nil {
		return nil, fmt.Errorf("joining the units' network: %w", err)
	}
	n := &TLSNetwork{config: c, clock: now, roots: roots, pairs: make(map[string]*keyPair)}
	for unit, identity := range c.Identities {
		pair := &keyPair{unit: unit, certificateFile: identity.CertificateFile, keyFile: identity.KeyFile, clock: now}
		if _, err := pair.get(); err != nil {
			return nil, fmt.Errorf("joining the units' network as %s: %w", unit, err)
		}
		n.pairs[unit] = pair
	}
	return n, nil
}

// Listen opens the unit's TCP port.
func (n *TLSNetwork) Listen(unit string) (net.Listener, credentials.TransportCredentials, error) {
	pair := n.pairs[unit]
	if pair == nil || n.config.Identities[unit].Listen == "" {
		return nil, nil, fmt.Errorf("listening as %s: this process has no such identity with an address", unit)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(context.Background(), "tcp", n.config.Identities[unit].Listen)
	if err != nil {
		return nil, nil, fmt.Errorf("listening as %s: %w", unit, err)
	}
	return listener, credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: n.roots, Time: n.clock.Now,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get() },
	}), nil
}

// Dial gives the connection from self, a unit of this process, to target.
func (n *TLSNetwork) Dial(self, target string, opts ...ClientOption) (grpc.ClientConnInterface, error) {
	return n.get(self, target, func() (*grpc.ClientConn, error) {
		pair, address := n.pairs[self], n.config.addressOf(target)
		if pair == nil || address == "" {
			return nil, errors.New("the caller's identity or the target's address is not configured")
		}
		return newClient("dns:///"+address, credentials.NewTLS(&tls.Config{
			MinVersion: tls.VersionTLS13, Time: n.clock.Now,
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair.get() },
			// Units are known by their URI SAN, not by host names, so VerifyConnection does what the standard check would do.
			InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
			VerifyConnection:   func(state tls.ConnectionState) error { return n.verifyServer(state, target) },
		}), nil, opts)
	})
}

func (n *TLSNetwork) verifyServer(state tls.ConnectionState, target string) error {
	if len(state.PeerCertificates) == 0 {
		return fmt.Errorf("verifying %s: no certificate", target)
	}
	intermediates := x509.NewCertPool()
	for _, certificate := range state.PeerCertificates[1:] {
		intermediates.AddCert(certificate)
	}
	leaf := state.PeerCertificates[0]
	if _, err := leaf.Verify(x509.VerifyOptions{
		Roots: n.roots, Intermediates: intermediates, CurrentTime: n.clock.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}); err != nil {
		return fmt.Errorf("verifying %s: %w", target, err)
	}
	if unit, ok := unitOf(leaf); !ok || unit != target {
		return fmt.Errorf("verifying %s: the certificate is of another unit", target)
	}
	return nil
}

// reloadAfter is how long a certificate is used before its file is looked at again.
const reloadAfter = time.Minute

// keyPair is a certificate that is read again when its file changes.
type keyPair struct {
	unit, certificateFile, keyFile string
	clock                          clock.Clock

	mu       sync.Mutex
	current  *tls.Certificate
	modified time.Time
	checked  time.Time
}

// get gives the certificate. Once one was read, a file that cannot be read keeps it in use.
func (k *keyPair) get() (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.clock.Now()
	if k.current != nil && now.Sub(k.checked) < reloadAfter {
		return k.current, nil
	}
	k.checked = now
	info, err := os.Stat(k.certificateFile)
	if err == nil && (k.current == nil || !info.ModTime().Equal(k.modified)) {
		var loaded *tls.Certificate
		if loaded, err = k.load(); err == nil {
			k.current, k.modified = loaded, info.ModTime()
		}
	}
	if k.current == nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return k.current, nil
}

func (k *keyPair) load() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(k.certificateFile, k.keyFile)
	if err != nil {
		return nil, err
	}
	if unit, ok := unitOf(pair.Leaf); !ok || unit != k.unit {
		return nil, fmt.Errorf("%s does not name unit %s", k.certificateFile, k.unit)
	}
	return &pair, nil
}

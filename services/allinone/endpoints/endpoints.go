// Package endpoints is the file in which narud writes where everything is (naru.json), and the small JSON files of credentials
// beside it: narud writes them, the CLI and tests find and read them.
package endpoints

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/durable"
)

// FileName of the endpoint file in narud's data folder.
const FileName = "naru.json"

// Endpoints is where everything is.
type Endpoints struct {
	PlatformID string `json:"platformId"`
	REST       string `json:"rest"`
	GRPC       string `json:"grpc"`
	Ops        string `json:"ops"`
	// AdminCredentials is the file of the operator's credentials.
	AdminCredentials string  `json:"adminCredentials"`
	Sandbox          Sandbox `json:"sandbox"`
	// Demo holds files of what narud -seed made; absent without it.
	Demo *Demo `json:"demo,omitempty"`
	// Units are the health and metrics addresses of units that run apart, by name.
	Units map[string]string `json:"units,omitempty"`
}

// Sandbox is where the outside world of a sandbox relay is.
type Sandbox struct {
	Hub     string `json:"hub"`
	Archive string `json:"archive"`
	Viewing string `json:"viewing"`
	IDP     string `json:"idp"`
	// AdminToken is the file of the token of every /sandbox interface; Authority the PEM root of the sandbox's TLS. The roots of
	// hub and archive lie beside it.
	AdminToken string `json:"adminToken"`
	Authority  string `json:"authority"`
	// ViewingCredentials is the file the viewing system reads its credentials at the relay from; ViewingSecret is the file of the
	// secret with which ViewingSender stores documents there.
	ViewingCredentials string `json:"viewingCredentials"`
	ViewingSender      string `json:"viewingSender"`
	ViewingSecret      string `json:"viewingSecret"`
	// RedirectURI is where identity proofs come back to.
	RedirectURI string `json:"redirectUri"`
}

// Demo are the files of what was seeded.
type Demo struct {
	// Institution holds the credentials of the seeded institution.
	Institution string `json:"institution"`
	// Request is a send request as REST takes it, for a document that is registered at the archive and stored at the viewing
	// system.
	Request string `json:"request"`
	// RequestGRPC is the same as grpcurl takes it.
	RequestGRPC string `json:"requestGrpc"`
	// Document is the PDF the request is about.
	Document string `json:"document"`
	// RecipientCI holds the invented CI of the joined test person, Person its id at the identity provider.
	RecipientCI string `json:"recipientCi"`
	Person      string `json:"person"`
	// ArchiveMember holds {memberId, password}; ViewingSystem the principal id of the viewing system.
	ArchiveMember string `json:"archiveMember"`
	ViewingSystem string `json:"viewingSystem"`
}

// Credentials are an OAuth2 client's. Principal is the principal they belong to, if known.
type Credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"` //nolint:gosec // the name of a field, no secret
	Principal    string `json:"principal,omitempty"`
}

// ArchiveMember is a depositor's log-in.
type ArchiveMember struct {
	MemberID string `json:"memberId"`
	Password string `json:"password"` //nolint:gosec // the name of a field, no secret
}

// maxFileBytes bounds every file read here.
const maxFileBytes = 1 << 20

// DefaultFolder is narud's data folder if none is given. It is outside of any checkout; for root it is one that the user of the
// private PostgreSQL can reach.
func DefaultFolder() string {
	if os.Geteuid() == 0 {
		return "/var/lib/naru"
	}
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "naru")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), "naru")
	}
	return filepath.Join(home, ".local", "state", "naru")
}

// Read reads an endpoint file.
func Read(path string) (*Endpoints, error) {
	var e Endpoints
	if err := ReadJSON(path, &e); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w (narud writes it when it is ready; is it running?)", err)
		}
		return nil, err
	}
	if e.REST == "" {
		return nil, fmt.Errorf("%s names no REST address", path)
	}
	return &e, nil
}

// ReadJSON reads a small JSON file.
func ReadJSON(path string, into any) error {
	raw, err := ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		// The cause could repeat a piece of a secret.
		return fmt.Errorf("%s is not the expected JSON", path)
	}
	return nil
}

// ReadFile reads a small file.
func ReadFile(path string) ([]byte, error) { return ReadUpTo(path, maxFileBytes) }

// ReadUpTo reads a file of at most limit bytes.
func ReadUpTo(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller's own files
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return raw, nil
}

// ReadSecret reads a file of one secret or identifier, without the white space around it.
func ReadSecret(path string) (string, error) {
	raw, err := ReadFile(path)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(raw))
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// ReadCredentials reads a file of client id and secret.
func ReadCredentials(path string) (Credentials, error) {
	var c Credentials
	if err := ReadJSON(path, &c); err != nil {
		return c, err
	}
	if c.ClientID == "" || c.ClientSecret == "" {
		return c, fmt.Errorf("%s lacks clientId or clientSecret", path)
	}
	return c, nil
}

// WriteJSON writes a file for which others wait; the file appears complete or not at all.
func WriteJSON(path string, mode os.FileMode, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return durable.WriteFile(path, append(raw, '\n'), mode)
}

const callTimeout = time.Minute

// HTTP is a client that trusts the machine's roots and, when a file is named, those in it.
func HTTP(authority string) (*http.Client, error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 4, IdleConnTimeout: 30 * time.Second,
	}
	if authority != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if err := addRoots(roots, authority); err != nil {
			return nil, err
		}
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	}
	return &http.Client{Transport: transport, Timeout: callTimeout}, nil
}

// Roots reads PEM roots.
func Roots(path string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	return roots, addRoots(roots, path)
}

func addRoots(roots *x509.CertPool, path string) error {
	pem, err := ReadFile(path)
	if err != nil {
		return err
	}
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", path)
	}
	return nil
}

// PKI is a file of the sandbox's public roots and certificates, e.g. hub-root.pem.
func (s Sandbox) PKI(name string) string { return filepath.Join(filepath.Dir(s.Authority), name) }

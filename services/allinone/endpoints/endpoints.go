// Package endpoints reads and writes the endpoint file of narud (naru.json), which lists the addresses and files of a relay, and
// the small JSON files of credentials. narud writes them; the CLI and tests read them.
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

// FileName is the name of the endpoint file in narud's data folder.
const FileName = "naru.json"

// Endpoints lists the addresses and files of a relay.
type Endpoints struct {
	PlatformID string `json:"platformId"`
	REST       string `json:"rest"`
	GRPC       string `json:"grpc"`
	Ops        string `json:"ops"`
	// Web is where the pages for people are.
	Web string `json:"web"`
	// HubPush is where the hub pushes certificates, POST /hub/v1/certificates.
	HubPush string `json:"hubPush"`
	// AdminCredentials is the file with the operator's credentials.
	AdminCredentials string  `json:"adminCredentials"`
	Sandbox          Sandbox `json:"sandbox"`
	// Demo lists the files that narud -seed made; absent without -seed.
	Demo *Demo `json:"demo,omitempty"`
	// Units holds, by name, the health and metrics addresses of units in processes of their own.
	Units map[string]string `json:"units,omitempty"`
}

// Sandbox lists the addresses and files of a sandbox relay's outside world.
type Sandbox struct {
	Hub     string `json:"hub"`
	Archive string `json:"archive"`
	Viewing string `json:"viewing"`
	IDP     string `json:"idp"`
	// TSA takes requests for time stamps at /tsp.
	TSA string `json:"tsa"`
	// AdminToken is the file with the token of every /sandbox interface. Authority is the PEM root of the sandbox's TLS; the
	// roots of hub, archive and time-stamping authority lie beside it.
	AdminToken string `json:"adminToken"`
	Authority  string `json:"authority"`
	// ViewingCredentials is the file from which the viewing system reads its credentials at the relay. ViewingSecret is the file
	// with the secret with which ViewingSender stores documents at the viewing system.
	ViewingCredentials string `json:"viewingCredentials"`
	ViewingSender      string `json:"viewingSender"`
	ViewingSecret      string `json:"viewingSecret"`
	// Depositor is the file with {memberId, password, archive, name} by which the relay itself is a member of the archive.
	Depositor string `json:"depositor"`
	// RedirectURI is where the identity provider redirects after an identity proof.
	RedirectURI string `json:"redirectUri"`
}

// Demo lists the files that seeding made.
type Demo struct {
	// Institution is the file with the seeded institution's credentials.
	Institution string `json:"institution"`
	// Request is a send request in the form of the REST API, for a document that is registered at the archive and stored at the
	// viewing system.
	Request string `json:"request"`
	// RequestGRPC is the same request in the form of grpcurl.
	RequestGRPC string `json:"requestGrpc"`
	// Document is the PDF of the request.
	Document string `json:"document"`
	// RecipientCI is the file with the invented CI of the test person who joined; Person is the person's id at the identity
	// provider.
	RecipientCI string `json:"recipientCi"`
	Person      string `json:"person"`
	// ArchiveMember is the file with {memberId, password, archive, name}; ViewingSystem is the viewing system's principal id.
	ArchiveMember string `json:"archiveMember"`
	ViewingSystem string `json:"viewingSystem"`
}

// Credentials are the credentials of an OAuth2 client. Principal is the principal to which they belong, if known.
type Credentials struct {
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"` //nolint:gosec // the name of a field, no secret
	Principal    string `json:"principal,omitempty"`
}

// ArchiveMember is the log-in of a depositor.
type ArchiveMember struct {
	MemberID string `json:"memberId"`
	Password string `json:"password"` //nolint:gosec // the name of a field, no secret
	// Archive and Name are what registration certificates call the archive and this member, the owner; empty where that is not
	// known.
	Archive string `json:"archive,omitempty"`
	Name    string `json:"name,omitempty"`
}

// maxFileBytes limits the files read here.
const maxFileBytes = 1 << 20

// DefaultFolder is narud's default data folder. It is outside of any checkout. For root it is a folder that the user of the
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
		// The cause could repeat a part of a secret.
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

// ReadSecret reads a file that holds one secret or identifier, and trims white space.
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

// ReadCredentials reads a file with client id and secret.
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

// WriteJSON writes a file for which others wait. The file appears complete or not at all.
func WriteJSON(path string, mode os.FileMode, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	return durable.WriteFile(path, append(raw, '\n'), mode)
}

const callTimeout = time.Minute

// HTTP returns a client that trusts the machine's roots and, if authority names a file, the roots in it. It follows no redirect:
// secrets and documents go where they were sent, or nowhere.
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
	return &http.Client{
		Transport: transport, Timeout: callTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
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

// PKI returns the path of one of the sandbox's public certificates, for example hub-root.pem.
func (s Sandbox) PKI(name string) string { return filepath.Join(filepath.Dir(s.Authority), name) }

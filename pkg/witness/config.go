package witness

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	formats "github.com/transparency-dev/formats/note"

	"github.com/naru-relay/naru/pkg/config"
)

// Config is a witness outside of this relay.
type Config struct {
	// Name for operators, 1 to 40 characters. Required.
	Name string `yaml:"name"`
	// URL before /add-checkpoint (C2SP tlog-witness: submission prefix). Required.
	URL string `yaml:"url"`
	// Key is its verifier key for cosignatures, as it publishes it: name+hash+key (C2SP signed-note). Required.
	Key string `yaml:"key"`
	// TLSRootsFile is a PEM file of the roots of its connection; default the system's.
	TLSRootsFile string `yaml:"tls_roots_file" reads:"file"`
	// Timeout of a request; default 10s.
	Timeout config.Duration `yaml:"timeout"`
}

const (
	defaultTimeout = 10 * time.Second
	maxTimeout     = 30 * time.Second
)

// Validate reports every problem.
func (c Config) Validate() error {
	var p config.Problems
	if c.Name == "" || len(c.Name) > 40 {
		p.Add("name", "must have 1 to 40 characters")
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" {
		p.Add("url", "must be an http or https address")
	}
	if _, err := formats.NewVerifierForCosignatureV1(c.Key); err != nil {
		p.Add("key", "must be a verifier key for cosignatures: name+hash+key")
	}
	if c.Timeout.Std() < 0 || c.Timeout.Std() > maxTimeout {
		p.Add("timeout", "must be between 0s and %s", maxTimeout)
	}
	return p.Err()
}

// Client of this witness.
func (c Config) Client() (*Client, error) {
	verifier, err := formats.NewVerifierForCosignatureV1(c.Key)
	if err != nil {
		return nil, fmt.Errorf("key of witness %s: %w", c.Name, err)
	}
	var secure *x509.CertPool // nil: the system's
	if c.TLSRootsFile != "" {
		if secure, err = config.Roots(c.TLSRootsFile); err != nil {
			return nil, fmt.Errorf("witness %s: %w", c.Name, err)
		}
	}
	return &Client{name: c.Name, url: strings.TrimSuffix(c.URL, "/") + "/add-checkpoint", verifier: verifier, http: &http.Client{
		Timeout: cmp.Or(c.Timeout.Std(), defaultTimeout),
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: secure, MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true,
		},
		// A redirect would turn the request into another.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

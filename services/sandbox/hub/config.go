package hub

import (
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Dialects of the hub interface.
const (
	// Dialect2021 has no docType, no sub-addresses and no user type 5.
	Dialect2021 = "2021"
	// Dialect2023 is the later one.
	Dialect2023 = "2023"
)

// Forms of a failure of POST /api/cert.
const (
	FailureTextPlain = "text/plain"
	FailureMultipart = "multipart/mixed"
)

// Config is the hub's configuration; start from Default.
type Config struct {
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// Dialect is "2021" or "2023" (default).
	Dialect string `yaml:"dialect"`
	// AccessLifetime of a token, whole minutes; default 30 days.
	AccessLifetime config.Duration `yaml:"access_lifetime"`
	// RefreshLifetime of a refresh token, whole minutes; default 60 days.
	RefreshLifetime config.Duration `yaml:"refresh_lifetime"`
	// NewTokenVoidsOld makes each new token void the platform's earlier access tokens. The real hub's behaviour is not known;
	// default false.
	NewTokenVoidsOld bool `yaml:"new_token_voids_old"`
	// CertificateFailureForm is "text/plain" (default) or "multipart/mixed".
	CertificateFailureForm string `yaml:"certificate_failure_form"`
	// MaxBodyBytes limits one request; default 32 MiB.
	MaxBodyBytes int64 `yaml:"max_body_bytes"`
	// PushURL is the relay's door for pushes, https://host:port; each issued certificate is pushed there, too. Default none.
	PushURL string `yaml:"push_url"`
	// PushRootsFile holds the roots of that door's TLS certificate, PEM. Default the system's.
	PushRootsFile string `yaml:"push_roots_file" reads:"file"`
}

// Default returns a configuration that lacks only the admin token.
func Default() Config {
	return Config{
		Dialect:                Dialect2023,
		AccessLifetime:         config.Duration(30 * 24 * time.Hour),
		RefreshLifetime:        config.Duration(60 * 24 * time.Hour),
		CertificateFailureForm: FailureTextPlain,
		MaxBodyBytes:           32 << 20,
	}
}

// Validate returns all problems of the configuration, joined.
func (c Config) Validate() error {
	var p config.Problems
	if c.AdminTokenFile.Value() == "" {
		p.Add("admin_token_file", "is required")
	}
	if c.Dialect != Dialect2021 && c.Dialect != Dialect2023 {
		p.Add("dialect", "must be 2021 or 2023")
	}
	if time.Duration(c.AccessLifetime) < time.Minute {
		p.Add("access_lifetime", "must be at least one minute")
	}
	if time.Duration(c.RefreshLifetime) < time.Minute {
		p.Add("refresh_lifetime", "must be at least one minute")
	}
	if c.CertificateFailureForm != FailureTextPlain && c.CertificateFailureForm != FailureMultipart {
		p.Add("certificate_failure_form", "must be text/plain or multipart/mixed")
	}
	if c.MaxBodyBytes < 1<<20 {
		p.Add("max_body_bytes", "must be at least 1 MiB")
	}
	if at, err := url.Parse(c.PushURL); c.PushURL != "" && (err != nil || at.Host == "" || at.Path != "" || at.Scheme != "https" && at.Scheme != "http") {
		p.Add("push_url", "must be https://host[:port]")
	}
	return p.Err()
}

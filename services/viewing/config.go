package viewing

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// Identity is the identity provider (본인확인).
	Identity Identity `yaml:"identity"`
	// Lookup is how delivery is asked about a document when its first viewing token is requested, and address whether a person
	// may act for an organisation.
	Lookup Lookup `yaml:"lookup"`
	// Tokens bounds viewing tokens.
	Tokens Tokens `yaml:"tokens"`
	// Report is how read reports are judged.
	Report Report `yaml:"report"`
}

// Tokens bounds viewing tokens.
type Tokens struct {
	// PerHour is how many tokens one document gets in an hour; default 60. Above it the recipient gets 429.
	PerHour int `yaml:"per_hour"`
}

// Report is how read reports are judged.
type Report struct {
	// Ahead is how far the clock of a viewing system may be ahead of the relay's, at most 10s: a read time so much after the
	// report's arrival is taken as it is. Default 2s.
	Ahead config.Duration `yaml:"ahead"`
}

// mostAhead bounds Report.Ahead.
const mostAhead = 10 * time.Second

// Lookup bounds the questions.
type Lookup struct {
	// Timeout of one question; default 2s. After it the caller gets 503.
	Timeout config.Duration `yaml:"timeout"`
}

// Identity says with whom recipients prove who they are.
type Identity struct {
	// Issuer is the provider's issuer URL: https, or http on a loopback address for a sandbox. Required.
	Issuer string `yaml:"issuer"`
	// ClientID and ClientSecretFile are this relay's at the provider; required.
	ClientID         string            `yaml:"client_id"`
	ClientSecretFile config.SecretFile `yaml:"client_secret_file"`
	// RedirectURIs are where recipients' applications take code and state back. A request names one of them, compared as text. At
	// least one.
	RedirectURIs []string `yaml:"redirect_uris"`
	// Scopes asked for besides openid; default none. Providers tie claims to scopes.
	Scopes []string `yaml:"scopes"`
	// MaxAge is how long ago the person may have authenticated at the provider; default 5m.
	MaxAge config.Duration `yaml:"max_age"`
	// Skew is how far the provider's clock may be off; default 30s.
	Skew config.Duration `yaml:"skew"`
	// Timeout of one call to the provider; default 5s.
	Timeout config.Duration `yaml:"timeout"`
	// Refresh is how long the provider's discovery document is used before it is asked for again; default 1h.
	Refresh config.Duration `yaml:"refresh"`
}

// maxRedirectURI is the bound of StartSessionRequest.redirect_uri.
const maxRedirectURI = 500

// Default returns a configuration that lacks only the identity provider.
func Default() *Config {
	return &Config{Identity: Identity{
		MaxAge: config.Duration(5 * time.Minute), Skew: config.Duration(30 * time.Second), Timeout: config.Duration(5 * time.Second),
		Refresh: config.Duration(time.Hour),
	}, Lookup: Lookup{Timeout: config.Duration(2 * time.Second)}, Tokens: Tokens{PerHour: 60}, Report: Report{Ahead: config.Duration(2 * time.Second)}}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	i := c.Identity
	if u, err := url.Parse(i.Issuer); err != nil || !safe(u) || u.RawQuery != "" || u.Fragment != "" {
		p.Add("identity.issuer", "must be an https URL, or http on a loopback address, without query and fragment")
	}
	if i.ClientID == "" {
		p.Add("identity.client_id", "is required")
	}
	if i.ClientSecretFile.Value() == "" {
		p.Add("identity.client_secret_file", "is required")
	}
	if len(i.RedirectURIs) == 0 {
		p.Add("identity.redirect_uris", "must name at least one URL")
	}
	for n, redirect := range i.RedirectURIs {
		// Applications have schemes of their own, so the scheme is not judged.
		if u, err := url.Parse(redirect); err != nil || u.Scheme == "" || u.Fragment != "" || len(redirect) > maxRedirectURI {
			p.Add(fmt.Sprintf("identity.redirect_uris[%d]", n), "must be an absolute URL without fragment, at most %d characters", maxRedirectURI)
		}
	}
	if i.MaxAge.Std() < time.Second || i.MaxAge.Std() > time.Hour {
		p.Add("identity.max_age", "must be between 1s and 1h")
	}
	if i.Skew < 0 || i.Skew.Std() > time.Minute {
		p.Add("identity.skew", "must be between 0s and 1m")
	}
	if i.Timeout.Std() <= 0 || i.Timeout.Std() > 30*time.Second {
		p.Add("identity.timeout", "must be above 0s and at most 30s")
	}
	if i.Refresh.Std() < time.Second {
		p.Add("identity.refresh", "must be at least 1s")
	}
	if c.Lookup.Timeout.Std() <= 0 {
		p.Add("lookup.timeout", "must be positive")
	}
	if c.Tokens.PerHour < 1 {
		p.Add("tokens.per_hour", "must be at least 1")
	}
	if c.Report.Ahead < 0 || c.Report.Ahead.Std() > mostAhead {
		p.Add("report.ahead", "must be 0s to %s", mostAhead)
	}
	return p.Err()
}

func safe(u *url.URL) bool {
	switch u.Scheme {
	case "https":
		return u.Host != ""
	case "http":
		ip := net.ParseIP(u.Hostname())
		return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
	default:
		return false
	}
}

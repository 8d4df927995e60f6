package tsp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config names the time-stamping authorities, in the order in which they are asked: the next one only when the one before gave no
// time stamp.
type Config struct {
	Authorities []AuthorityConfig `yaml:"authorities"`
}

// AuthorityConfig is one authority.
type AuthorityConfig struct {
	// Name for operators, 1 to 40 characters. Required.
	Name string `yaml:"name"`
	// URL that takes requests by POST (RFC 3161 section 3.4). Required.
	URL string `yaml:"url"`
	// RootsFile is a PEM file of the roots that its signing certificate must lead to. Required.
	RootsFile string `yaml:"roots_file" reads:"file"`
	// TLSRootsFile is a PEM file of the roots of its connection; default the system's.
	TLSRootsFile string `yaml:"tls_roots_file" reads:"file"`
	// Policy that is asked for and must be in its tokens, dotted; default whichever it has.
	Policy string `yaml:"policy"`
	// Timeout of a request; default 10s.
	Timeout config.Duration `yaml:"timeout"`
}

const defaultTimeout = 10 * time.Second

var oidPattern = regexp.MustCompile(`^[0-2](\.[0-9]{1,9}){1,30}$`)

// Validate reports every problem.
func (c Config) Validate() error {
	var p config.Problems
	for i, a := range c.Authorities {
		p.Within(fmt.Sprintf("authorities[%d]", i), a.validate())
	}
	return p.Err()
}

func (c AuthorityConfig) validate() error {
	var p config.Problems
	if c.Name == "" || len(c.Name) > 40 {
		p.Add("name", "must have 1 to 40 characters")
	}
	if u, err := url.Parse(c.URL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		p.Add("url", "must be an http or https address")
	}
	if c.RootsFile == "" {
		p.Add("roots_file", "is required")
	}
	if c.Policy != "" && !oidPattern.MatchString(c.Policy) {
		p.Add("policy", "must be an object identifier, e.g. 1.2.410.200004.1")
	}
	if c.Timeout.Std() < 0 || c.Timeout.Std() > time.Minute {
		p.Add("timeout", "must be between 0s and 1m")
	}
	return p.Err()
}

// Client of the configured authorities; nil without an error where none is configured.
func (c Config) Client(now func() time.Time) (*Client, error) {
	if len(c.Authorities) == 0 {
		return nil, nil
	}
	authorities := make([]Authority, len(c.Authorities))
	for i, one := range c.Authorities {
		var err error
		if authorities[i], err = one.authority(); err != nil {
			return nil, fmt.Errorf("time-stamping authority %s: %w", one.Name, err)
		}
	}
	return NewClient(now, authorities...)
}

func (c AuthorityConfig) authority() (Authority, error) {
	roots, err := config.Roots(c.RootsFile)
	if err != nil {
		return Authority{}, err
	}
	var secure *x509.CertPool // nil: the system's
	if c.TLSRootsFile != "" {
		if secure, err = config.Roots(c.TLSRootsFile); err != nil {
			return Authority{}, err
		}
	}
	a := Authority{
		Name: c.Name, URL: c.URL, Trust: Trust{Roots: roots},
		HTTP: &http.Client{Timeout: cmp.Or(c.Timeout.Std(), defaultTimeout), Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: secure, MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: time.Minute,
			ForceAttemptHTTP2: true,
		}},
	}
	if c.Policy != "" {
		a.Trust.Policies = []string{c.Policy}
		for part := range strings.SplitSeq(c.Policy, ".") {
			n, err := strconv.Atoi(part)
			if err != nil {
				return Authority{}, fmt.Errorf("policy: %w", err)
			}
			a.Policy = append(a.Policy, n)
		}
	}
	return a, nil
}

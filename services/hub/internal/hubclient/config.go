package hubclient

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Dialects of the hub interface.
const (
	// Dialect2021 has no document type, no sub-addresses and no user type 5 (sole trader).
	Dialect2021 = "v2021"
	// DialectCurrent is the later one.
	DialectCurrent = "current"
)

// MaxBatch is the greatest batch of circulations or read times (hub-interface 4.1).
const MaxBatch = 500

// Paths of the hub interface, relative to the base URL. No official text is public, so they are configuration.
type Paths struct {
	Token   string `yaml:"token"`
	Address string `yaml:"address"`
	Owner   string `yaml:"owner"`
	// Withdrawn asks for the addresses that an identifier has withdrawn (hub-interface 3.4).
	Withdrawn string `yaml:"withdrawn"`
	// ChangePerson and ChangeOrganisation give an address's owner another name (hub-interface 3.6 and 3.7).
	ChangePerson       string `yaml:"change_person"`
	ChangeOrganisation string `yaml:"change_organisation"`
	Circulation        string `yaml:"circulation"`
	Certificate        string `yaml:"certificate"`
	// Figures is the certificate of monthly figures (hub-interface 5.2), whose path no public source shows. If it is empty, none
	// are asked for.
	Figures string `yaml:"figures"`
	// Search of a recipient by identifier or description is our extension: the guide asks for it (5.2.1), but no public source
	// shows it. If it is empty, the hub has no search, and a person's birth date and phone are not sent at registration either.
	Search string `yaml:"search"`
}

// ErrorCodes are the hub's codes this unit acts on; the full table is not public (hub-interface 7.5).
type ErrorCodes struct {
	// Token: the access token is not or no longer good; default ERR-01-103 and ERR-01-104.
	Token []string `yaml:"token"`
	// AddressExists: the address is registered already; default ERR-01-303.
	AddressExists []string `yaml:"address_exists"`
	// AddressUnknown: there is no such address; default ERR-01-304.
	AddressUnknown []string `yaml:"address_unknown"`
	// NoCirculation: nothing to certify; default ERR-01-501.
	NoCirculation []string `yaml:"no_circulation"`
}

// Config says where the hub is and which form of its interface it speaks.
type Config struct {
	// BaseURL is https://host[:port][/prefix]; http is accepted for a loopback address only. Required.
	BaseURL string `yaml:"base_url" env:"NARU_HUB_URL"`
	// RootsFile is a PEM file of the roots the hub's TLS certificate must lead to; empty: the system's roots.
	RootsFile string `yaml:"roots_file" reads:"file" env:"NARU_HUB_ROOTS_FILE"`
	// Dialect is "current" (default) or "v2021".
	Dialect    string     `yaml:"dialect"`
	Paths      Paths      `yaml:"paths"`
	ErrorCodes ErrorCodes `yaml:"error_codes"`
	// RetryCodes are codes, each ERR-NN-NNN and none of ErrorCodes, by which the hub says that it did nothing now and that the
	// same should be sent again later. Every other code is a refusal, which waits for a person. Default none: no such code is
	// publicly known.
	RetryCodes []string `yaml:"retry_codes"`
	// BatchLimit is the greatest batch the hub takes, 1-500; default 500.
	BatchLimit int `yaml:"batch_limit"`
	// ConnectTimeout bounds connecting and the TLS handshake; default 3s.
	ConnectTimeout config.Duration `yaml:"connect_timeout"`
	// AnswerTimeout bounds a whole call; default 20s. The caller's deadline may be shorter.
	AnswerTimeout config.Duration `yaml:"answer_timeout"`
	// MaxAnswerBytes bounds an answer; default 1 MiB (a batch of 500 needs 40 KiB).
	MaxAnswerBytes int64 `yaml:"max_answer_bytes"`
	// MaxCertificateBytes bounds the answer that holds a certificate; default 8 MiB.
	MaxCertificateBytes int64 `yaml:"max_certificate_bytes"`
}

// Default lacks only the base URL.
func Default() Config {
	return Config{
		Dialect: DialectCurrent,
		Paths: Paths{
			Token: "/auth/token", Address: "/api/eaddr", Owner: "/api/eaddr/user", Withdrawn: "/api/eaddr/canceled",
			ChangePerson: "/api/eaddr/user/individual", ChangeOrganisation: "/api/eaddr/user/company",
			Circulation: "/api/circulation", Certificate: "/api/cert",
		},
		ErrorCodes: ErrorCodes{
			Token: []string{"ERR-01-103", "ERR-01-104"}, AddressExists: []string{"ERR-01-303"}, AddressUnknown: []string{"ERR-01-304"},
			NoCirculation: []string{"ERR-01-501"},
		},
		BatchLimit:          MaxBatch,
		ConnectTimeout:      config.Duration(3 * time.Second),
		AnswerTimeout:       config.Duration(20 * time.Second),
		MaxAnswerBytes:      1 << 20,
		MaxCertificateBytes: 8 << 20,
	}
}

var (
	codePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,20}$`)
	// retryCodePattern is the form of all known codes (hub-interface 1): a typing error must not be accepted as a code.
	retryCodePattern = regexp.MustCompile(`^ERR-[0-9]{2}-[0-9]{3}$`)
)

// Validate joins all problems.
func (c Config) Validate() error {
	var p config.Problems
	if message := c.checkBase(); message != "" {
		p.Add("base_url", "%s", message)
	}
	if c.Dialect != Dialect2021 && c.Dialect != DialectCurrent {
		p.Add("dialect", "must be %s or %s", Dialect2021, DialectCurrent)
	}
	for _, path := range []struct {
		key, value string
		optional   bool
	}{
		{"token", c.Paths.Token, false},
		{"address", c.Paths.Address, false},
		{"owner", c.Paths.Owner, false},
		{"withdrawn", c.Paths.Withdrawn, false},
		{"change_person", c.Paths.ChangePerson, false},
		{"change_organisation", c.Paths.ChangeOrganisation, false},
		{"circulation", c.Paths.Circulation, false},
		{"certificate", c.Paths.Certificate, false},
		{"figures", c.Paths.Figures, true},
		{"search", c.Paths.Search, true},
	} {
		if path.value == "" && path.optional {
			continue
		}
		if !strings.HasPrefix(path.value, "/") || strings.ContainsAny(path.value, "?# ") {
			p.Add("paths."+path.key, "must be a path that begins with /")
		}
	}
	for _, list := range []struct {
		key   string
		codes []string
	}{
		{"token", c.ErrorCodes.Token},
		{"address_exists", c.ErrorCodes.AddressExists},
		{"address_unknown", c.ErrorCodes.AddressUnknown},
		{"no_circulation", c.ErrorCodes.NoCirculation},
	} {
		if slices.ContainsFunc(list.codes, func(code string) bool { return !codePattern.MatchString(code) }) {
			p.Add("error_codes."+list.key, "must be error codes such as ERR-01-103")
		}
	}
	c.checkRetryCodes(&p)
	if c.BatchLimit < 1 || c.BatchLimit > MaxBatch {
		p.Add("batch_limit", "must be 1 to %d", MaxBatch)
	}
	if c.ConnectTimeout.Std() <= 0 {
		p.Add("connect_timeout", "must be positive")
	}
	if c.AnswerTimeout.Std() <= 0 {
		p.Add("answer_timeout", "must be positive")
	}
	if c.MaxAnswerBytes < 64<<10 {
		p.Add("max_answer_bytes", "must be at least 65536")
	}
	if c.MaxCertificateBytes < 64<<10 {
		p.Add("max_certificate_bytes", "must be at least 65536")
	}
	return p.Err()
}

// checkRetryCodes: a code has one meaning.
func (c Config) checkRetryCodes(p *config.Problems) {
	fixed := slices.Concat(c.ErrorCodes.Token, c.ErrorCodes.AddressExists, c.ErrorCodes.AddressUnknown, c.ErrorCodes.NoCirculation)
	for i, code := range c.RetryCodes {
		path := fmt.Sprintf("retry_codes[%d]", i)
		switch {
		case !retryCodePattern.MatchString(code):
			p.Add(path, "must be an error code of the form ERR-NN-NNN")
		case slices.Contains(fixed, code):
			p.Add(path, "%s has a meaning in error_codes", code)
		case slices.Contains(c.RetryCodes[:i], code):
			p.Add(path, "%s is there already", code)
		}
	}
}

func (c Config) checkBase() string {
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "must be https://host[:port][/prefix]"
	}
	if u.Scheme == "https" {
		return ""
	}
	// A sandbox on the same machine may speak plain HTTP; personal data never leaves the machine that way.
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return ""
	}
	return "must be https, or http on a loopback address"
}

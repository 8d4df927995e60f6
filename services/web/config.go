package web

import (
	"net"
	"net/url"
	"regexp"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/origin"
)

// Config are the settings of the unit; settings.yaml names each of them.
type Config struct {
	// Listen is the address of the pages, e.g. ":8444"; empty serves none.
	Listen string `yaml:"listen"`
	// CertificateFile and KeyFile (PEM) make it TLS 1.2 or later. If both are empty it is plain, for a proxy in front of it.
	CertificateFile string `yaml:"certificate_file" reads:"file"`
	KeyFile         string `yaml:"key_file" reads:"file"`
	// PublicURL is the root under which people know the pages. Required where there is an address to listen at.
	PublicURL string `yaml:"public_url" env:"NARU_WEB_PUBLIC_URL"`
	// Name of the relay as the pages say it.
	Name Names `yaml:"name"`
	// Sandbox marks every page as a test (시험용). Only false takes the mark away.
	Sandbox bool  `yaml:"sandbox"`
	Terms   Terms `yaml:"terms"`
	// TrustedProxies are networks (CIDR) of proxies in front whose X-Forwarded-For is trusted.
	TrustedProxies []string `yaml:"trusted_proxies"`
	Rate           Rate     `yaml:"rate"`
	// SpoolDir is where a file rests, encrypted and without a name, between its arrival from a browser without script and its
	// upload; empty: the system's folder for temporary files.
	SpoolDir string `yaml:"spool_dir"`
}

// Names is a name in both languages.
type Names struct {
	Korean  string `yaml:"ko"`
	English string `yaml:"en"`
}

// Terms are the terms of use to which members agree.
type Terms struct {
	// Version is recorded with the consent.
	Version string `yaml:"version"`
	// KoreanFile and EnglishFile hold the text, paragraphs with an empty line between them. Without, the pages say that there
	// are no terms yet.
	KoreanFile  string `yaml:"ko_file" reads:"file"`
	EnglishFile string `yaml:"en_file" reads:"file"`
}

// Rate bounds what one network address may ask of this replica.
type Rate struct {
	// PagesPerSecond and PagesBurst are of all pages; default 20 and 200.
	PagesPerSecond float64 `yaml:"pages_per_second"`
	PagesBurst     int     `yaml:"pages_burst"`
	// SignInsPerSecond and SignInsBurst are of signing in, and once more of codes of invitations; default 0.5 and 20.
	SignInsPerSecond float64 `yaml:"sign_ins_per_second"`
	SignInsBurst     int     `yaml:"sign_ins_burst"`
}

// Default returns the settings for which the files name nothing else.
func Default() *Config {
	return &Config{
		Name: Names{Korean: "나루", English: "Naru"}, Sandbox: true, Terms: Terms{Version: "none-1"},
		Rate: Rate{PagesPerSecond: 20, PagesBurst: 200, SignInsPerSecond: 0.5, SignInsBurst: 20},
	}
}

var termsVersion = regexp.MustCompile(`^[A-Za-z0-9._-]{1,40}$`)

// Validate returns every problem.
func (c *Config) Validate() error {
	var p config.Problems
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			p.Add("listen", "wants host:port")
		}
		// Browsers keep the session's cookie over https only.
		if u, err := url.Parse(c.PublicURL); err != nil || u.Scheme != "https" || u.Host == "" || u.Path != "" || u.RawQuery != "" {
			p.Add("public_url", "wants https and the host of the pages, without a path")
		}
	}
	if (c.CertificateFile == "") != (c.KeyFile == "") {
		p.Add("certificate_file", "and key_file are given together")
	}
	if c.Name.Korean == "" || c.Name.English == "" {
		p.Add("name", "is wanted in ko and en")
	}
	if !termsVersion.MatchString(c.Terms.Version) {
		p.Add("terms.version", "wants 1 to 40 characters of A-Z a-z 0-9 . _ -")
	}
	if (c.Terms.KoreanFile == "") != (c.Terms.EnglishFile == "") {
		p.Add("terms", "wants ko_file and en_file together")
	}
	if _, err := origin.Parse(c.TrustedProxies); err != nil {
		p.Add("trusted_proxies", "wants networks such as 10.0.0.0/8")
	}
	if c.Rate.PagesPerSecond <= 0 || c.Rate.SignInsPerSecond <= 0 || c.Rate.PagesBurst < 1 || c.Rate.SignInsBurst < 1 {
		p.Add("rate", "must be positive")
	}
	return p.Err()
}

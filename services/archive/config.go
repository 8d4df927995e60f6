package archive

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/naru-relay/naru/pkg/archivecert"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/rest"
	"github.com/naru-relay/naru/pkg/work"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// Archive is where documents are deposited.
	Archive Centre `yaml:"archive"`
	// Certificates says how the archive's registration certificates are read. Its skew is also how far a time of registration may
	// be before the acceptance, or ahead of our clock.
	Certificates archivecert.Config `yaml:"certificates"`
	// Deposits is how they are made.
	Deposits Deposits `yaml:"deposits"`
}

// LookUp is how an archive finds a registration again whose answer was lost.
type LookUp string

// The look-ups.
const (
	ByReference LookUp = "reference"
	ByHash      LookUp = "hash"
	NoLookUp    LookUp = "none"
)

// Centre is the certified archive, and this relay's membership there.
type Centre struct {
	// Name is one of certificates.issuers. Required.
	Name string `yaml:"name"`
	// BaseURL is https://host[:port][/prefix]; http is accepted for a loopback address only. Required.
	BaseURL string `yaml:"base_url" env:"NARU_ARCHIVE_URL"`
	// RootsFile is a PEM file of the roots the archive's TLS certificate must lead to; empty: the system's roots.
	RootsFile string `yaml:"roots_file" reads:"file"`
	// MemberID and PasswordFile are this relay's at the archive. Required.
	MemberID     string            `yaml:"member_id"`
	PasswordFile config.SecretFile `yaml:"password_file"`
	// Owner is what the archive calls this member; certificates must name it as owner. Required.
	Owner string `yaml:"owner"`
	// NameSender has the sender's certified address registered as for whom this relay deposits; default true.
	NameSender bool `yaml:"name_sender"`
	// Idempotent: a document that is submitted again under its edoc number is not registered again; default true.
	Idempotent bool `yaml:"idempotent"`
	// LookUp is how a registration is found again; default ByReference.
	LookUp LookUp `yaml:"look_up"`
	// ConnectTimeout bounds connecting and the TLS handshake; default 3s.
	ConnectTimeout config.Duration `yaml:"connect_timeout"`
	// AnswerTimeout bounds the wait for an answer once everything was sent; default 1m.
	AnswerTimeout config.Duration `yaml:"answer_timeout"`
}

// recognises reports whether the archive notices that it has registered a document already, or can be asked.
func (c Centre) recognises() bool { return c.Idempotent || c.LookUp != NoLookUp }

// Deposits says how deposits are made.
type Deposits struct {
	// Workers is how many run at once in one replica, 1-64; default 4.
	Workers int `yaml:"workers"`
	// Interval is how often to look for deposits that nobody announced; default 1s.
	Interval config.Duration `yaml:"interval"`
	// Timeout of one attempt, upload included; default 15m.
	Timeout config.Duration `yaml:"timeout"`
	// FirstBackoff and MaxBackoff bound the waits between attempts, which double; default 1s and 10m.
	FirstBackoff config.Duration `yaml:"first_backoff"`
	MaxBackoff   config.Duration `yaml:"max_backoff"`
	// Failures in a row after which the archive is left alone for Pause; then one attempt tries it. Default 5 and 30s.
	Failures int             `yaml:"failures"`
	Pause    config.Duration `yaml:"pause"`
}

// delay is how long a deposit waits after this number of attempts; jitter is in [0, 1).
func (d Deposits) delay(attempts int, jitter float64) time.Duration {
	return work.Backoff{First: d.FirstBackoff.Std(), Max: d.MaxBackoff.Std()}.Delay(attempts, jitter)
}

// Default lacks where the archive is, who this relay is there, and how its certificates are read.
func Default() *Config {
	return &Config{
		Archive: Centre{
			NameSender: true, Idempotent: true, LookUp: ByReference,
			ConnectTimeout: config.Duration(3 * time.Second), AnswerTimeout: config.Duration(time.Minute),
		},
		Certificates: archivecert.Config{Skew: config.Duration(5 * time.Second)},
		Deposits: Deposits{
			Workers: 4, Interval: config.Duration(time.Second), Timeout: config.Duration(15 * time.Minute),
			FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(10 * time.Minute),
			Failures: 5, Pause: config.Duration(30 * time.Second),
		},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	p.Within("archive", c.Archive.validate())
	p.Within("certificates", c.Certificates.Validate())
	if !slices.ContainsFunc(c.Certificates.Issuers, func(i archivecert.IssuerConfig) bool { return i.Name == c.Archive.Name }) {
		p.Add("archive.name", "must be one of certificates.issuers")
	}
	p.Within("deposits", c.Deposits.validate())
	return p.Err()
}

func (c Centre) validate() error {
	var p config.Problems
	if base, err := url.Parse(c.BaseURL); err != nil || base.Host == "" || !rest.Safe(base) {
		p.Add("base_url", "must be https://…, or http://… on this machine")
	}
	for _, required := range []struct{ name, value string }{{"member_id", c.MemberID}, {"password_file", string(c.PasswordFile.Value())}, {"owner", c.Owner}} {
		if strings.TrimSpace(required.value) == "" {
			p.Add(required.name, "is required")
		}
	}
	if !slices.Contains([]LookUp{ByReference, ByHash, NoLookUp}, c.LookUp) {
		p.Add("look_up", "must be reference, hash or none")
	}
	if c.ConnectTimeout <= 0 || c.AnswerTimeout <= 0 {
		p.Add("connect_timeout", "and answer_timeout must be above 0s")
	}
	return p.Err()
}

func (d Deposits) validate() error {
	var p config.Problems
	if d.Workers < 1 || d.Workers > 64 {
		p.Add("workers", "must be between 1 and 64")
	}
	if d.Interval.Std() < time.Millisecond {
		p.Add("interval", "must be at least 1ms")
	}
	if d.Timeout <= 0 {
		p.Add("timeout", "must be above 0s")
	}
	if d.FirstBackoff <= 0 || d.MaxBackoff < d.FirstBackoff {
		p.Add("max_backoff", "must not be shorter than first_backoff, which must be above 0s")
	}
	if d.Failures < 1 || d.Pause <= 0 {
		p.Add("failures", "must be at least 1, and pause above 0s")
	}
	return p.Err()
}

package certificate

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/distcert"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	Issuer IssuerConfig `yaml:"issuer"`
	Worker WorkerConfig `yaml:"worker"`
	Lookup LookupConfig `yaml:"lookup"`
}

// IssuerConfig says whose certificates are believed.
type IssuerConfig struct {
	// RootsFile is a PEM file of the roots the hub's signing certificate must lead to. Required.
	RootsFile string `yaml:"roots_file" env:"NARU_CERTIFICATE_ROOTS_FILE"`
	// SPKI are SHA-256 digests (hex) of the public keys that may sign; Subjects are distinguished names (RFC 2253) that may sign, for
	// an issuer that renews its key. At least one entry in all: being under the root is not enough.
	SPKI     []string `yaml:"spki"`
	Subjects []string `yaml:"subjects"`
	// Skew is how far the hub's clock may run ahead of ours; default 5s.
	Skew config.Duration `yaml:"skew"`
}

// WorkerConfig paces the calls to the hub unit.
type WorkerConfig struct {
	// Workers obtain certificates at the same time; default 4.
	Workers int `yaml:"workers"`
	// Interval is how often work nobody announced is looked for; default 1s.
	Interval config.Duration `yaml:"interval"`
	// Timeout bounds one call; default 45s.
	Timeout config.Duration `yaml:"timeout"`
	// Lease is how long a claim holds; longer than the timeout; default 90s.
	Lease config.Duration `yaml:"lease"`
	// FirstRetry and MaxRetry bound the doubling wait while the hub is unavailable; default 1s and 5m.
	FirstRetry config.Duration `yaml:"first_retry"`
	MaxRetry   config.Duration `yaml:"max_retry"`
}

// LookupConfig is how delivery, intake and circulation are asked about documents whose certificates are wanted.
type LookupConfig struct {
	// Timeout of finding out about the parties, and of finding out about the registration; default 2s. When it is over the caller is answered 503.
	Timeout config.Duration `yaml:"timeout"`
}

// Default lacks the issuer's roots and pins.
func Default() *Config {
	return &Config{
		Issuer: IssuerConfig{Skew: config.Duration(5 * time.Second)},
		Worker: WorkerConfig{
			Workers: 4, Interval: config.Duration(time.Second), Timeout: config.Duration(45 * time.Second),
			Lease: config.Duration(90 * time.Second), FirstRetry: config.Duration(time.Second), MaxRetry: config.Duration(5 * time.Minute),
		},
		Lookup: LookupConfig{Timeout: config.Duration(2 * time.Second)},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	if c.Issuer.RootsFile == "" {
		p.Add("issuer.roots_file", "is required")
	}
	if len(c.Issuer.SPKI)+len(c.Issuer.Subjects) == 0 {
		p.Add("issuer", "spki or subjects must name the signer")
	}
	for i, pin := range c.Issuer.SPKI {
		if raw, err := hex.DecodeString(pin); err != nil || len(raw) != 32 {
			p.Add(fmt.Sprintf("issuer.spki[%d]", i), "must be 64 hexadecimal digits")
		}
	}
	if c.Issuer.Skew.Std() < 0 || c.Issuer.Skew.Std() > time.Minute {
		p.Add("issuer.skew", "must be 0s to 1m")
	}
	if c.Worker.Workers < 1 {
		p.Add("worker.workers", "must be at least 1")
	}
	for _, d := range []struct {
		path  string
		value config.Duration
	}{
		{"worker.interval", c.Worker.Interval},
		{"worker.timeout", c.Worker.Timeout},
		{"worker.first_retry", c.Worker.FirstRetry},
		{"lookup.timeout", c.Lookup.Timeout},
	} {
		if d.value.Std() <= 0 {
			p.Add(d.path, "must be positive")
		}
	}
	if c.Worker.Lease.Std() < c.Worker.Timeout.Std()+settleTimeout {
		p.Add("worker.lease", "must be at least worker.timeout and %s", settleTimeout)
	}
	if c.Worker.MaxRetry.Std() < c.Worker.FirstRetry.Std() {
		p.Add("worker.max_retry", "must not be less than worker.first_retry")
	}
	return p.Err()
}

func (c IssuerConfig) pins() distcert.Pins { return distcert.Pins{SPKI: c.SPKI, Subjects: c.Subjects} }

func (c IssuerConfig) roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(c.RootsFile)
	if err != nil {
		return nil, fmt.Errorf("read the issuer's roots: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("read the issuer's roots: no certificate in the file")
	}
	return pool, nil
}

package certificate

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/naru-relay/naru/pkg/cms"
	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/work"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	Issuer IssuerConfig `yaml:"issuer"`
	// Worker is how certificates are obtained from the hub unit.
	Worker work.Calls `yaml:"worker"`
	// Patience is how long a refusal of the hub is retried, from the first on; default 24h.
	Patience config.Duration `yaml:"patience"`
	Lookup   LookupConfig    `yaml:"lookup"`
}

// IssuerConfig says whose certificates are accepted.
type IssuerConfig struct {
	// RootsFile is a PEM file of the roots the hub's signing certificate must lead to. Required.
	RootsFile string `yaml:"roots_file" reads:"file" env:"NARU_CERTIFICATE_ROOTS_FILE"`
	// SPKI are SHA-256 digests (hex) of the public keys that may sign; Subjects are distinguished names (RFC 2253) that may sign,
	// for an issuer that renews its key. At least one entry in all: being under the root is not enough.
	SPKI     []string `yaml:"spki"`
	Subjects []string `yaml:"subjects"`
	// Skew is how far the hub's clock may run ahead of ours; default 5s.
	Skew config.Duration `yaml:"skew"`
	// Revocation of the hub's signing certificates.
	Revocation cms.RevocationConfig `yaml:"revocation"`
}

// LookupConfig is how delivery, intake and circulation are asked about documents whose certificates are requested.
type LookupConfig struct {
	// Timeout for the question about the parties, and again for the question about the registration; default 2s. After it the
	// caller gets 503.
	Timeout config.Duration `yaml:"timeout"`
}

// Default lacks the issuer's roots and pins.
func Default() *Config {
	return &Config{
		Issuer: IssuerConfig{Skew: config.Duration(5 * time.Second)},
		Worker: work.Calls{
			Workers: 4, Interval: config.Duration(time.Second), Timeout: config.Duration(45 * time.Second),
			Lease: config.Duration(90 * time.Second), FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(5 * time.Minute),
		},
		Patience: config.Duration(24 * time.Hour),
		Lookup:   LookupConfig{Timeout: config.Duration(2 * time.Second)},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	if c.Issuer.RootsFile == "" {
		p.Add("issuer.roots_file", "is required")
	}
	p.Within("issuer.revocation", c.Issuer.Revocation.Validate())
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
	p.Within("worker", c.Worker.Validate())
	if c.Patience.Std() < 0 {
		p.Add("patience", "must not be negative")
	}
	if c.Lookup.Timeout.Std() <= 0 {
		p.Add("lookup.timeout", "must be positive")
	}
	return p.Err()
}

func (c IssuerConfig) pins() distcert.Pins { return distcert.Pins{SPKI: c.SPKI, Subjects: c.Subjects} }

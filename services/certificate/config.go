package certificate

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
	"github.com/naru-relay/naru/pkg/distcert"
	"github.com/naru-relay/naru/pkg/work"
)

// Config is the unit's configuration; start from Default.
type Config struct {
	// Issuer is the hub.
	Issuer distcert.Config `yaml:"issuer"`
	// Worker is how certificates are obtained from the hub unit.
	Worker work.Calls `yaml:"worker"`
	// Patience is how long a refusal of the hub is retried, from the first on; default 24h.
	Patience config.Duration `yaml:"patience"`
	Lookup   LookupConfig    `yaml:"lookup"`
	// Bundles says how certificate bundles are made; without a signer none are.
	Bundles BundlesConfig `yaml:"bundles"`
	// Verification says how files are verified for anybody.
	Verification VerificationConfig `yaml:"verification"`
}

// LookupConfig is how delivery, intake and circulation are asked about documents whose certificates are requested.
type LookupConfig struct {
	// Timeout for the question about the parties, and again for the question about the registration; default 2s. After it the
	// caller gets 503.
	Timeout config.Duration `yaml:"timeout"`
}

// Default lacks the issuer's profile, roots and pins.
func Default() *Config {
	return &Config{
		Issuer: distcert.Config{Skew: config.Duration(5 * time.Second)},
		Worker: work.Calls{
			Workers: 4, Interval: config.Duration(time.Second), Timeout: config.Duration(45 * time.Second),
			Lease: config.Duration(90 * time.Second), FirstBackoff: config.Duration(time.Second), MaxBackoff: config.Duration(5 * time.Minute),
		},
		Patience:     config.Duration(24 * time.Hour),
		Lookup:       LookupConfig{Timeout: config.Duration(2 * time.Second)},
		Verification: VerificationConfig{MaxBytes: 16 << 20, AtOnce: 2},
		Bundles: BundlesConfig{
			Kept:    config.Duration(10 * 365 * 24 * time.Hour),
			Renewal: RenewalConfig{Before: config.Duration(90 * 24 * time.Hour), Interval: config.Duration(10 * time.Minute)},
		},
	}
}

// Validate joins all problems.
func (c *Config) Validate() error {
	var p config.Problems
	p.Within("issuer", c.Issuer.Validate())
	p.Within("worker", c.Worker.Validate())
	if c.Patience.Std() < 0 {
		p.Add("patience", "must not be negative")
	}
	if c.Lookup.Timeout.Std() <= 0 {
		p.Add("lookup.timeout", "must be positive")
	}
	p.Within("bundles", c.Bundles.validate())
	p.Within("verification", c.Verification.validate())
	return p.Err()
}

package tsa

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config is the authority's configuration; start from Default.
type Config struct {
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// Keep is how long it is kept what was stamped; default 720h, at least 1h. Serial numbers are not used again afterwards.
	Keep config.Duration `yaml:"keep"`
}

// Default returns a configuration that lacks only the admin token.
func Default() Config { return Config{Keep: config.Duration(30 * 24 * time.Hour)} }

// Validate returns all problems of the configuration, joined.
func (c Config) Validate() error {
	var p config.Problems
	if c.AdminTokenFile.Value() == "" {
		p.Add("admin_token_file", "is required")
	}
	if c.Keep.Std() < time.Hour {
		p.Add("keep", "must be at least 1h")
	}
	return p.Err()
}

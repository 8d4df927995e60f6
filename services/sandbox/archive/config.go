package archive

import (
	"time"

	"github.com/naru-relay/naru/pkg/config"
)

// Config is the archive's configuration; start from Default.
type Config struct {
	// AdminTokenFile holds the token that opens the /sandbox paths; required.
	AdminTokenFile config.SecretFile `yaml:"admin_token_file"`
	// DocumentDir is the folder of the stored documents. No other archive may use it. Required; created if missing.
	DocumentDir string `yaml:"document_dir"`
	// TokenLifetime of a member's log-in; default 30 minutes.
	TokenLifetime config.Duration `yaml:"token_lifetime"`
	// RegistrationValidity of a registration certificate; default 10 years of 365 days.
	RegistrationValidity config.Duration `yaml:"registration_validity"`
	// OriginalValidity of an original certificate; default 365 days.
	OriginalValidity config.Duration `yaml:"original_validity"`
	// MaxDocumentBytes limits one document; default and maximum 1 GiB.
	MaxDocumentBytes int64 `yaml:"max_document_bytes"`
}

const maxDocumentBytes = 1 << 30

// Default returns a configuration that lacks only the admin token and the document folder.
func Default() Config {
	return Config{
		TokenLifetime:        config.Duration(30 * time.Minute),
		RegistrationValidity: config.Duration(10 * 365 * 24 * time.Hour),
		OriginalValidity:     config.Duration(365 * 24 * time.Hour),
		MaxDocumentBytes:     maxDocumentBytes,
	}
}

// Validate returns all problems of the configuration, joined.
func (c Config) Validate() error {
	var p config.Problems
	if c.AdminTokenFile.Value() == "" {
		p.Add("admin_token_file", "is required")
	}
	if c.DocumentDir == "" {
		p.Add("document_dir", "is required")
	}
	for _, field := range []struct {
		name  string
		value config.Duration
	}{
		{"token_lifetime", c.TokenLifetime},
		{"registration_validity", c.RegistrationValidity},
		{"original_validity", c.OriginalValidity},
	} {
		if time.Duration(field.value) < time.Second {
			p.Add(field.name, "must be at least one second")
		}
	}
	if c.MaxDocumentBytes < 1 || c.MaxDocumentBytes > maxDocumentBytes {
		p.Add("max_document_bytes", "must be 1 to 1 GiB")
	}
	return p.Err()
}
